// Grader judges conversations by the run's rules. Rules that are pure are judged in process;
// graders that run code (CodeGrader) run on worker threads, in the sandbox.
//
//   SimulatedUser ──GradeTranscript──▶ GraderActor ──Verdict──▶
//                                       ▲    └──job──▶ worker threads ──▶ CodeGrader ──▶ sandbox
//                                       └──JudgementEnded──┘
//
// Guarantees: a verdict for every transcript; what can't be judged is infra_error, and so is what
//             finds `queue_max` others waiting. A code grader that hangs costs its item, at its
//             asker's deadline, and its worker; never a scheduler thread.
// Runs on:    the shared scheduler; with a code grader on a thread of its own, for the end of its
//             `threads` workers.
// If it dies: its keeper starts it again; it has no state of its own.
#pragma once

#include <cstddef>

#include <caf/fwd.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "actors/messages/messages.hpp"
#include "actors/run_context.hpp"

namespace flywheel {

using GraderActor =
    caf::typed_actor<caf::replies_to<GradeTranscript>::with<Verdict>,  // judges all turns
                     caf::reacts_to<JudgementEnded>>;                  // from its own workers

struct GraderConfig {
  std::size_t threads = 2;  // code graders at once; 0 = in place, for tests
  std::size_t queue_max = 4096;
};

GraderActor spawn_grader(caf::actor_system& system, RunContextPtr context,
                         GraderConfig config = {});

}  // namespace flywheel
