// Container is one sandbox: its own processes, files and limits, and commands run in it.
//
// Guarantees: every container ends in an end state of ContainerState, with a reason in words; when
//             it has ended, no process, mount or cgroup of it is left. File operations are done
//             inside the container with the rights of its own commands: no path leads out of it.
// Threads:    every function from any thread; those that return a Result wait, with a deadline.
//
// A shared kernel is not a virtual machine: a hole in the kernel itself is a hole in the sandbox.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/container_state.hpp"
#include "runtime/base/result.hpp"
#include "runtime/sandbox/exec.hpp"
#include "runtime/sandbox/sandbox_spec.hpp"

namespace flywheel {

struct ContainerStats {
  std::chrono::microseconds cpu_time{0};  // 0 without a CPU cgroup
  std::uint64_t memory_bytes = 0;         // 0 without a memory cgroup
  std::uint64_t memory_bytes_max = 0;
  std::uint32_t process_count = 0;  // 0 without a pids cgroup
  std::uint64_t disk_bytes = 0;     // written, in memory
  std::uint32_t file_count = 0;
  std::uint32_t oom_kill_count = 0;
};

enum class FileKind : std::uint8_t { file, folder, link, other };

struct FileEntry {
  std::string name{};  // without its folder; any bytes but '/' and NUL
  FileKind kind = FileKind::file;
  std::uint64_t size_bytes = 0;
  std::uint32_t mode = 0;       // permission bits
  std::int64_t changed_ms = 0;  // since 1970
};

class Container {
 public:
  virtual ~Container() = default;  // ends it, as kill() does

  virtual const std::string& id() const = 0;  // box_ and digits; names its cgroup
  virtual const SandboxSpec& spec() const = 0;
  virtual ContainerState state() const = 0;
  virtual std::string reason() const = 0;  // of an end state, else empty

  // Runs a command and waits for its end. An Error only where nothing was started.
  virtual Result<ExecResult> run(const ExecSpec& spec) = 0;
  // Starts a command; the observer may be empty.
  virtual Result<std::shared_ptr<Exec>> start(const ExecSpec& spec, ExecObserver observer) = 0;

  // Paths are absolute, or relative to the working folder. Missing parents are made.
  virtual Result<> put_file(const std::string& path, std::string_view bytes,
                            std::uint32_t mode = 0644) = 0;
  // `size_bytes`: of the whole file, where it is asked for; links are followed.
  virtual Result<std::string> get_file(const std::string& path, std::uint64_t offset = 0,
                                       std::size_t bytes_max = 64 << 20,
                                       std::uint64_t* size_bytes = nullptr) = 0;
  virtual Result<FileEntry> stat_file(const std::string& path) = 0;  // does not follow a last link
  virtual Result<std::vector<FileEntry>> list_files(const std::string& path) = 0;  // 10,000 at most
  virtual Result<> make_folder(const std::string& path) = 0;
  virtual Result<> remove_file(const std::string& path) = 0;  // a folder with all that is in it

  // Stops every process, and lets them go on. While paused, commands and files are refused.
  virtual Result<> pause() = 0;
  virtual Result<> resume() = 0;

  // Keeps the files as they are now (processes are stopped meanwhile); returns its name, which
  // nobody can guess. `owner` is for whoever asks who may use it.
  virtual Result<std::string> snapshot(const std::string& owner = {}) = 0;
  // A new container that starts from the files as they are now, copy-on-write.
  virtual Result<std::shared_ptr<Container>> fork() = 0;

  virtual Result<ContainerStats> stats() = 0;

  // Ends everything in it, and waits until it is gone. `end` is exited, expired, killed or failed.
  virtual void kill(ContainerState end, const std::string& reason) = 0;
};

}  // namespace flywheel
