// Ends actors in good order, with a deadline: the only place that waits for actors to be gone.
#pragma once

#include <chrono>
#include <vector>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

namespace flywheel {

// Sends each an exit and waits until all are gone; returns how many were not by the deadline.
std::size_t stop_actors(caf::actor_system& system, const std::vector<caf::actor>& actors,
                        std::chrono::milliseconds deadline);

}  // namespace flywheel
