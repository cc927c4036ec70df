#include "runtime/tools/bench_text.hpp"

#include <fmt/format.h>

namespace flywheel {

ToolStatus status_of(const BenchResult& result) {
  switch (result.end) {
    case BenchEnd::exited:
      return result.exit_code == 0 ? ToolStatus::done : ToolStatus::failed;
    case BenchEnd::timeout:
      return ToolStatus::timeout;
    case BenchEnd::signalled:
    case BenchEnd::out_of_memory:
      return ToolStatus::failed;
    case BenchEnd::gone:
      return ToolStatus::unavailable;
  }
  return ToolStatus::unavailable;
}

std::string end_text(const BenchResult& result, const ToolLimits& limits) {
  switch (result.end) {
    case BenchEnd::exited:
      return result.exit_code == 0 ? "" : fmt::format("exit code {}", result.exit_code);
    case BenchEnd::timeout:
      return fmt::format("stopped after {} s, which is the limit; this is what had come till then",
                         static_cast<double>(limits.wall_time_max.count()) / 1000.0);
    case BenchEnd::signalled:
      return fmt::format("killed by signal {}", result.signal);
    case BenchEnd::out_of_memory:
      return "killed: out of memory";
    case BenchEnd::gone:
      return "the sandbox is gone";
  }
  return "unknown end";
}

ToolResult unavailable(const Error& error) {
  return {.status = ToolStatus::unavailable, .text = "the tool could not run: " + to_string(error)};
}

}  // namespace flywheel
