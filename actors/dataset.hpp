// Dataset hands out training tasks in an order that the run's seed fixes.
//
//   Experiment ──NextTasks──▶ Dataset ──TaskBatch──▶
//
// Guarantees: position p always gives the same task; every epoch visits each task once, shuffled
//             anew.
// Runs on:    the shared scheduler; no handler blocks.
// If it dies: its keeper starts it again; it has no state of its own.
#pragma once

#include <caf/fwd.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "actors/messages/messages.hpp"
#include "actors/run_context.hpp"

namespace flywheel {

using Dataset =
    caf::typed_actor<caf::replies_to<NextTasks>::with<TaskBatch>>;  // tasks at those positions

Dataset spawn_dataset(caf::actor_system& system, RunContextPtr context);

// The index, among `task_count`, of the task at `position` of the shuffled order.
std::uint64_t task_index_at(std::uint64_t position, std::uint64_t task_count, std::uint64_t seed);

}  // namespace flywheel
