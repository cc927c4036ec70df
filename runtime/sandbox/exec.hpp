// Exec is one command that runs, or ran, in a container.
//
//   caller ──start──▶ Container ──request and pipes──▶ the container's init ──▶ the command
//     ▲                                                                            │
//     └── ExecObserver: output, end ◀── event thread of the SandboxHost ◀── pipes ─┘
//
// Guarantees: ends exactly once, at the latest a little after its wall time; the output that came
//             until then is in the result, whatever ended it; kept output never exceeds the bound,
//             however much is written; cancel, time-outs and an end at the memory limit kill
//             everything that the command started, also what left its process group or session.
//             What a command leaves running at its own end goes on, with its output closed.
// Threads:    every function from any thread; the observer is called by the host's event thread,
//             one call at a time for an exec, and must not block or call wait().
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"

namespace flywheel {

struct ExecSpec {
  std::vector<std::string> command{};  // looked up in PATH of the container
  std::string input{};                 // standard input, then its end
  bool keeps_input_open = false;       // input goes on by write_input() until close_input()
  std::vector<std::string> env{};      // NAME=value, over the container's
  std::string working_folder{};        // empty: the container's
  std::chrono::milliseconds wall_time_max{30'000};  // at least 1 ms; always in force
  std::chrono::milliseconds silence_max{0};         // no output for so long ends it; 0: no bound
  std::size_t output_bytes_max = 1 << 20;           // kept of each stream: its head and its tail
  // python3 -c CODE [ARG...] or python3 FILE [ARG...] by a fork of a loaded interpreter: the same
  // confinement, without the start-up; hash seed and address layout are those of the interpreter.
  bool uses_zygote = false;
};

enum class ExecEnd : std::uint8_t {
  exited,           // exit_code says how
  signalled,        // signal says by which
  wall_timeout,     // wall_time_max
  silence_timeout,  // silence_max
  out_of_memory,    // the kernel killed it at the container's memory limit
  cancelled,        // cancel()
  not_started,      // the command can't be run: error says why; exit_code 126 or 127 as in a shell
  container_gone,   // its container ended
};
const char* to_string(ExecEnd end);

struct ExecResult {
  ExecEnd end = ExecEnd::container_gone;
  int exit_code = -1;  // of exited and not_started; else -1
  int signal = 0;
  std::string output{};            // the head and the tail that were kept, any bytes
  std::string error_output{};      // likewise
  std::uint64_t output_bytes = 0;  // written in all
  std::uint64_t error_bytes = 0;
  bool is_truncated = false;  // bytes are missing between head and tail; a line in between says so
  std::chrono::microseconds wall_time{0};
  std::chrono::microseconds cpu_time{0};
  std::uint64_t memory_bytes_max = 0;  // largest resident size of one process
  std::string error{};                 // why it could not start, or why its container is gone
};

enum class ExecStream : std::uint8_t { output, error };

// A stretch of what a stream wrote. Where bytes at `offset` are no longer kept, it starts later.
struct ExecChunk {
  std::uint64_t offset = 0;  // of the first byte
  std::string bytes{};
  std::uint64_t offset_end = 0;  // where the stream ends now
  bool is_final = false;         // nothing will follow
};

struct ExecObserver {
  std::function<void(ExecStream, std::string_view)> on_output{};  // as it comes, every byte
  std::function<void(const ExecResult&)> on_end{};                // once, after the last output
};

class Exec {
 public:
  virtual ~Exec() = default;

  virtual std::uint64_t number() const = 0;  // 1, 2, ... in its container
  // Waits until it ended; its own time limits bound the wait.
  virtual ExecResult wait() = 0;
  virtual bool has_ended() const = 0;
  // At most bytes_max of what is kept, from an offset in the stream.
  virtual ExecChunk read(ExecStream stream, std::uint64_t offset, std::size_t bytes_max) const = 0;
  // resource_exhausted when 4 MiB are waiting to be read by the command; cancelled once it ended.
  virtual Result<> write_input(std::string_view bytes) = 0;
  virtual void close_input() = 0;
  virtual Result<> send_signal(int signal) = 0;  // to the command's process group
  virtual void cancel() = 0;                     // kills all that it started
};

}  // namespace flywheel
