#include "runtime/base/rollout.hpp"

namespace flywheel {

const char* to_string(RolloutState state) {
  switch (state) {
    case RolloutState::planned:
      return "planned";
    case RolloutState::running:
      return "running";
    case RolloutState::finished:
      return "finished";
    case RolloutState::graded:
      return "graded";
    case RolloutState::leased:
      return "leased";
    case RolloutState::consumed:
      return "consumed";
    case RolloutState::discarded:
      return "discarded";
  }
  return "unknown";
}

}  // namespace flywheel
