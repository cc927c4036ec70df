// Grader judges conversations by the run's rules, in process: rule graders are pure and bounded.
//
//   SimulatedUser ──GradeTranscript──▶ GraderActor ──Verdict──▶
//
// Guarantees: a verdict for every transcript; what the rules can't judge is infra_error.
// Runs on:    the shared scheduler; a verdict takes well under a millisecond.
// If it dies: its keeper starts it again; it has no state of its own.
#pragma once

#include <caf/fwd.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "actors/messages/messages.hpp"
#include "actors/run_context.hpp"

namespace flywheel {

using GraderActor =
    caf::typed_actor<caf::replies_to<GradeTranscript>::with<Verdict>>;  // judges all turns

GraderActor spawn_grader(caf::actor_system& system, RunContextPtr context);

}  // namespace flywheel
