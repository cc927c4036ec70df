// Node is the composition root: it owns the workspace, the stores, the actor system, the runs and
// the HTTP server on the workspace's socket.
//
//   Node ─▶ Workspace ─▶ stores
//        ─▶ actor system ─▶ RunHosts
//        ─▶ HttpServer ─▶ Api
//
// Threads: submit() and the rest from any thread; one Node a workspace, one workspace a process.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "actors/config.hpp"
#include "actors/run_host.hpp"
#include "actors/services.hpp"
#include "runtime/model/checkpoint.hpp"

namespace flywheel {

class Api;

struct NodeConfig {
  std::filesystem::path home = ".flywheel";
  std::uint64_t free_bytes_min = 256ULL << 20;
  bool creates_home = true;
  bool runs_actors = true;  // false: stores only, for reading subcommands without an owner
};

class Node {
 public:
  // The errors of Workspace::open; unavailable where the socket can't be listened on.
  static Result<std::unique_ptr<Node>> open(const NodeConfig& config);
  ~Node();  // stops the runs and tells who follows them, then the server, then the actors
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // Starts a new run, or goes on with a stored one; already_exists where that is under way or about
  // to be, unavailable once the node closes. A host is given back before the node is closed.
  Result<std::shared_ptr<RunHost>> submit(ExperimentSpec spec, Checkpoint checkpoint);
  Result<std::shared_ptr<RunHost>> resume(RunId run);

  std::shared_ptr<RunHost> find(RunId run);  // null where it is not under way here
  std::vector<std::shared_ptr<RunHost>> hosts();
  const Services& services() const;
  Api& api();

  // True where no run is under way nor being loaded; from then on none is taken any more.
  bool close_when_idle();

 private:
  struct Inner;
  explicit Node(std::unique_ptr<Inner> inner);
  Result<> reserve(std::optional<RunId> run);
  Result<std::shared_ptr<RunHost>> adopt(std::optional<RunId> reserved,
                                         Result<std::unique_ptr<RunHost>> loaded);

  std::unique_ptr<Inner> inner_;
};

}  // namespace flywheel
