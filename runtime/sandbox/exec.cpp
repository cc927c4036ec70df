#include "runtime/sandbox/exec.hpp"

namespace flywheel {

const char* to_string(ExecEnd end) {
  switch (end) {
    case ExecEnd::exited:
      return "exited";
    case ExecEnd::signalled:
      return "signalled";
    case ExecEnd::wall_timeout:
      return "wall_timeout";
    case ExecEnd::silence_timeout:
      return "silence_timeout";
    case ExecEnd::out_of_memory:
      return "out_of_memory";
    case ExecEnd::cancelled:
      return "cancelled";
    case ExecEnd::not_started:
      return "not_started";
    case ExecEnd::container_gone:
      return "container_gone";
  }
  return "unknown";
}

}  // namespace flywheel
