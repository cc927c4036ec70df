// LiveContainer is what the service holds of a container until its end. Internal to actors/caas.
//
// Threads: every field but `id` and `files_mutex` is guarded by the ContainerTable's mutex.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/sandbox/container.hpp"
#include "storage/container_store.hpp"

namespace flywheel {

class Session;
struct EndCause;

// Bytes of output that may be kept; gives them back when nobody holds it any more.
class OutputBudget {
 public:
  using Total = std::shared_ptr<std::atomic<std::uint64_t>>;
  OutputBudget(Total total, std::uint64_t bytes) : total_(std::move(total)), bytes_(bytes) {
    *total_ += bytes_;
  }
  ~OutputBudget() { *total_ -= bytes_; }
  OutputBudget(const OutputBudget&) = delete;
  OutputBudget& operator=(const OutputBudget&) = delete;

  void shrink(std::uint64_t bytes) {  // to what is kept in the end
    const std::uint64_t before = bytes_.load();
    if (bytes < before) *total_ -= bytes_.exchange(bytes) - bytes;
  }

 private:
  const Total total_;
  std::atomic<std::uint64_t> bytes_;
};

// One command that runs in it, or a detached one that ran.
struct LiveExec {
  std::uint64_t number = 0;
  std::uint64_t started_ms = 0;
  Json request = Json::object();  // as the trajectory keeps it
  bool is_detached = false;
  bool is_main = false;
  bool is_cancelled = false;     // asked for before it was started
  std::size_t output_bytes = 0;  // that it may keep
  std::shared_ptr<OutputBudget> budget{};
  std::shared_ptr<Exec> exec{};       // none until started
  std::optional<ExecResult> ended{};  // without its output where it is detached
};

// Stands on the log of another container until it is asked something new.
struct ReplayState {
  ContainerId source{};
  std::shared_ptr<const std::vector<CommandRecord>> commands{};
  std::shared_ptr<OutputBudget> budget{};  // for the commands
  std::size_t next = 0;
  bool is_materialising = false;
  std::shared_ptr<Container> box{};  // while it catches up: what an end has to kill
};

struct LiveContainer {
  ContainerId id{};
  // Held shared while a command is started or a file is worked on, alone while files are copied: a
  // box that copies refuses the rest, for milliseconds. Of no use to the other fields.
  std::shared_mutex files_mutex{};
  ContainerRecord record{};
  std::shared_ptr<Container> box{};  // none while creating, or while a replay stands on its log
  SteadyTime creating_until{};
  std::uint64_t command_count = 0;  // of the trajectory, begun
  std::uint64_t log_bytes = 0;
  std::uint64_t exec_count = 0;  // numbers given
  std::size_t running_count = 0;
  std::map<std::uint64_t, std::shared_ptr<LiveExec>> execs{};
  std::uint64_t session_count = 0;  // numbers given
  std::map<std::uint64_t, std::shared_ptr<Session>> sessions{};
  std::unique_ptr<ReplayState> replay{};
  std::shared_ptr<EndCause> cause{};  // why it is stopping
  std::vector<std::function<void(const ContainerRecord&)>> end_waiters{};
};

}  // namespace flywheel
