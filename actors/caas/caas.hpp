// Caas is containers as a service: isolated places in which models, graders and people run code,
// made on demand through HTTP (`flywheel caas`) or in this process.
//
//   client ──HTTP──▶ routes ─▶ ContainerTable ◀─▶ ContainerStore (caas.db)
//                       └─▶ WorkQueue, ExecDesk ─▶ SandboxHost ─▶ containers
//
// Guarantees: every container ends in a named state with a reason, also when the service is killed:
//             what lived then is `failed`, daemon_restarted, when it starts again; what is asked
//             for beyond a bound is refused (429), never queued without end; an IO thread never
//             waits for a container.
// Threads:    any; its own workers, a timer, a commit thread and the sandbox's event thread.
//
// A shared kernel is not a virtual machine: see docs/guides/containers.md.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "actors/caas/caas_config.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/metrics.hpp"
#include "runtime/net/http_server.hpp"

namespace flywheel {

struct CaasState;

class Caas {
 public:
  // unavailable: another process has the state folder, or the machine can't run containers.
  static Result<std::unique_ptr<Caas>> open(CaasConfig config,
                                            Metrics& metrics = flywheel::metrics());
  ~Caas();  // ends what lives as killed, daemon_stopped
  Caas(const Caas&) = delete;
  Caas& operator=(const Caas&) = delete;

  // /v1/containers..., /v1/images, /healthz, /readyz, /metrics. The server must be stopped before
  // this goes away.
  void add_routes(HttpServer& server);

  SandboxHost& host();
  Json health() const;  // what this machine gives: cgroups, weaknesses, counts
  std::size_t living_count() const;
  std::size_t lost_count() const { return lost_count_; }  // ended by open() as daemon_restarted

 private:
  explicit Caas(std::unique_ptr<CaasState> state);
  void run_timers();
  bool forget_some();
  void answer_ready(const Responder& responder) const;

  std::unique_ptr<CaasState> state_;
  std::size_t lost_count_ = 0;
  std::thread timer_;
};

}  // namespace flywheel
