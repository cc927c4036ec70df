// ExecDesk starts commands in containers, watches them, and writes each with its result into the
// container's trajectory.
//
//   handler ──begin──▶ ExecDesk ──worker──▶ Container.start ─▶ output, end (event thread)
//                          └── log, counters ◀── worker ◀──────────────┘ ──▶ on_end
//
// Guarantees: on_end is called once for every begin() that was let in; what runs at once, and the
//             output that is kept of it, are bounded (resource_exhausted); the log has the command
//             before on_end is called.
// Threads:    any. on_output runs on the host's event thread and must not block; on_end on a
// worker.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string_view>

#include "actors/caas/caas_config.hpp"
#include "actors/caas/container_request.hpp"
#include "actors/caas/container_table.hpp"

namespace flywheel {

// A byte of output as an event's JSON takes at most so many: a NUL is \u0000.
constexpr std::size_t event_bytes_max = 6;

struct ExecHandlers {
  // The command takes input and signals from now on; output may come before. Not called where it
  // never starts.
  std::function<void(const LiveExec&)> on_start{};
  std::function<void(ExecStream, std::string_view)> on_output{};
  std::function<void(const LiveExec&, const Result<ExecResult>&)> on_end{};
};

class ExecDesk {
 public:
  ExecDesk(const CaasLimits& limits, const Clock& clock, ContainerTable& table,
           ContainerStore& store, GroupCommit& commit, WorkQueue& workers, Metrics& metrics);

  // resource_exhausted: a bound; cancelled: the container does not run (any more).
  Result<std::shared_ptr<LiveExec>> begin(const std::shared_ptr<LiveContainer>& live,
                                          const ExecRequest& request, ExecHandlers handlers,
                                          bool is_main = false);

  // Room for a run of a session, which counts as a command until the result is let go of; and for
  // a session itself. resource_exhausted: a bound.
  Result<std::shared_ptr<void>> begin_run(const std::shared_ptr<LiveContainer>& live,
                                          std::size_t output_bytes);
  Result<std::shared_ptr<OutputBudget>> reserve(std::size_t output_bytes);
  // A detached command that a log answers for: it can be read as if it had run here.
  std::shared_ptr<LiveExec> keep(LiveContainer& live, Json request, ExecResult result);

  void cancel(LiveExec& exec);
  std::shared_ptr<LiveExec> find(const LiveContainer& live, std::uint64_t number) const;

  // The place of the next entry in the trajectory, and the entry once its result is there.
  std::uint64_t next_command(LiveContainer& live);
  void log(LiveContainer& live, std::uint64_t number, const CommandRecord& command);

 private:
  struct Running;

  void start(const std::shared_ptr<Running>& running);
  void finish(const std::shared_ptr<Running>& running, const Result<ExecResult>& result);
  Result<> check_bounds(const LiveContainer& live, std::size_t output_bytes) const;
  void make_room(LiveContainer& live) const;
  Result<> check_output(std::size_t output_bytes) const;

  const CaasLimits& limits_;
  const Clock& clock_;
  ContainerTable& table_;
  ContainerStore& store_;
  GroupCommit& commit_;
  WorkQueue& workers_;
  Metrics& metrics_;
  Histogram& seconds_;
  std::size_t running_count_ = 0;  // under the table's mutex
  std::shared_ptr<std::atomic<std::uint64_t>> output_bytes_ =
      std::make_shared<std::atomic<std::uint64_t>>(0);  // that commands may keep; see LiveExec
};

}  // namespace flywheel
