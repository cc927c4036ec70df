// Placement says where an actor runs: on the shared scheduler, or on a thread of its own. What
// computes or blocks for more than about a millisecond owns a thread; tests place everything on the
// scheduler, which they drive by hand.
#pragma once

#include <cstdint>
#include <utility>

#include <caf/actor_system.hpp>
#include <caf/spawn_options.hpp>

namespace flywheel {

enum class Placement : std::uint8_t { shared, own_thread };

template <class Behavior, class... Arguments>
auto spawn_placed(caf::actor_system& system, Placement placement, Behavior behavior,
                  Arguments&&... arguments) {
  if (placement == Placement::own_thread)
    return system.spawn<caf::detached>(behavior, std::forward<Arguments>(arguments)...);
  return system.spawn(behavior, std::forward<Arguments>(arguments)...);
}

}  // namespace flywheel
