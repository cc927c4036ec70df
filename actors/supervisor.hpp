// Supervisor watches the parts of a run that can't be started again by themselves (they hold the
// learner's state, the ledger, an evaluation) and tells the Experiment when one is gone. Parts
// without state of their own (Dataset, GraderActor, Samplers) have keepers:
// runtime/system/supervision.hpp.
//
//   part ──down──▶ Supervisor ──PartDied──▶ Experiment, which ends the run in good order
//   Experiment ──down──▶ Supervisor ──ended(failed)──▶ RunObserver, where it had told no outcome
//
// Runs on: the shared scheduler.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>

#include "actors/experiment.hpp"
#include "actors/run_observer.hpp"

namespace flywheel {

using NamedPart = std::pair<std::string, caf::actor>;

// `observer` outlives the actor.
caf::actor spawn_supervisor(caf::actor_system& system, std::vector<NamedPart> parts,
                            Experiment experiment, RunObserver& observer);

}  // namespace flywheel
