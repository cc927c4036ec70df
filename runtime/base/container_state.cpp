#include "runtime/base/container_state.hpp"

#include <string>

namespace flywheel {

const char* to_string(ContainerState state) {
  switch (state) {
    case ContainerState::creating:
      return "creating";
    case ContainerState::running:
      return "running";
    case ContainerState::paused:
      return "paused";
    case ContainerState::stopping:
      return "stopping";
    case ContainerState::exited:
      return "exited";
    case ContainerState::expired:
      return "expired";
    case ContainerState::oom_killed:
      return "oom_killed";
    case ContainerState::killed:
      return "killed";
    case ContainerState::failed:
      return "failed";
  }
  return "unknown";
}

Result<ContainerState> parse_container_state(std::string_view text) {
  for (int i = 0; i < container_state_count; ++i)
    if (text == to_string(static_cast<ContainerState>(i))) return static_cast<ContainerState>(i);
  return fail(Failure::invalid_input,
              "state '" + std::string{text} +
                  "': creating, running, paused, stopping, exited, expired, oom_killed, killed or "
                  "failed");
}

}  // namespace flywheel
