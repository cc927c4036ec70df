// Workbench is the place where a conversation's tool calls run what a model wrote: one container,
// made when the first call needs it and gone with the conversation.
//
// Guarantees: a command ends by itself, at its wall time, or with the container; output is bounded
//             and what had come till then is there; nothing that runs in it reaches this machine's
//             files, processes or network.
// Threads:    one command at a time, on any thread; kill() at any time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"

namespace flywheel {

struct BenchCommand {
  std::vector<std::string> command{};
  std::string input{};  // on its stdin
  std::chrono::milliseconds wall_time_max{10'000};
  std::size_t output_bytes_max = 64 * 1024;  // of each stream; the head and the tail are kept
};

enum class BenchEnd : std::uint8_t { exited, signalled, timeout, out_of_memory, gone };

struct BenchResult {
  BenchEnd end = BenchEnd::exited;
  int exit_code = 0;
  int signal = 0;
  std::string output{};
  std::string error_output{};
  bool is_truncated = false;  // of either stream
};

class Workbench {
 public:
  virtual ~Workbench() = default;

  virtual Result<BenchResult> run(const BenchCommand& command) = 0;
  virtual Result<> put_file(const std::string& path, std::string_view bytes) = 0;
  // not_found where there is none; resource_exhausted where it has more than `bytes_max`.
  virtual Result<std::string> get_file(const std::string& path, std::size_t bytes_max) = 0;
  // Ends it with all that runs in it; a command under way ends as `gone`.
  virtual void kill() = 0;
};

}  // namespace flywheel
