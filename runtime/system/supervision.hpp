// A keeper stands in front of one actor, passes every message on, and starts the actor again when
// it dies, under a stated policy. Peers hold the keeper's handle, which outlives its child.
//
//   anyone ──any message──▶ keeper ──▶ child            child down ──▶ keeper: restart or give up
//
// Guarantees: a request that a dying child had not answered fails at its asker at once (CAF bounces
//             it); what arrives between death and restart waits in the keeper's mailbox and is
//             passed on. Past `restarts_max` within `window` the keeper dies too, with the child's
//             reason.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include <caf/actor.hpp>
#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/error.hpp>

namespace flywheel {

struct RestartPolicy {
  std::uint32_t restarts_max = 5;
  std::chrono::seconds window{60};
};

struct Kept {
  std::string name{};
  RestartPolicy policy{};
  std::function<caf::actor()> start{};  // makes the child; called again after each death
  // Told of each death and of what follows; may be empty.
  std::function<void(const std::string& name, const std::string& reason, bool restarted)>
      on_death{};
};

caf::actor spawn_keeper(caf::actor_system& system, Kept kept);

template <class Handle>
Handle spawn_kept(caf::actor_system& system, Kept kept) {
  return caf::actor_cast<Handle>(spawn_keeper(system, std::move(kept)));
}

}  // namespace flywheel
