// ContainerState is where a container stands. What is on disk and on the wire is its name.
//
//   creating ─▶ running ⇄ paused ─▶ stopping ─▶ exited | expired | oom_killed | killed
//       └────────────────────────────────────▶ failed (from anywhere)
#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/base/id.hpp"
#include "runtime/base/result.hpp"

namespace flywheel {

using ContainerId = Id<IdKind::container>;

enum class ContainerState : std::uint8_t {
  creating,
  running,
  paused,
  stopping,
  exited,      // its main command ended by itself
  expired,     // its time to live or its idle time ran out
  oom_killed,  // its first process was killed for memory
  killed,      // somebody asked for its end
  failed,      // it was lost, or never came to be
};

inline constexpr int container_state_count = 9;

constexpr bool is_ended(ContainerState state) {
  return state >= ContainerState::exited;
}

const char* to_string(ContainerState state);
Result<ContainerState> parse_container_state(std::string_view text);

}  // namespace flywheel
