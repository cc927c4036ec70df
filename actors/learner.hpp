// Learner takes one optimiser step at a time from rollouts that the ledger has leased.
//
//   Experiment ──LearnStep(ids)──▶ Learner ──ReadRollouts──▶ Ledger ──RolloutBatch──▶ Learner
//   Learner ──StepLearned(weights v+1)──▶ Experiment ──PublishWeights──▶ Publisher
//   Experiment ──SaveSnapshot──▶ Learner ──a copy of its state──▶ SnapshotWriter ──SnapshotSaved──▶
//
// Guarantees: a step is bit-reproducible, so a replayed step gives the hash that was committed; a
//             batch in which no group differs in its rewards changes nothing and still counts as a
//             step; a snapshot is of the steps learned when it was asked for. It is written in the
//             background where a copy of the state fits into memory, else before the next step.
// Runs on:    a thread of its own; shares the cores with samplers through the compute gate.
// If it dies: the run stops; a resume loads the last snapshot and replays the committed steps.
#pragma once

#include <functional>
#include <memory>

#include <caf/fwd.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "actors/ledger.hpp"
#include "actors/messages/messages.hpp"
#include "actors/run_context.hpp"
#include "actors/snapshot_writer.hpp"
#include "runtime/base/memory.hpp"
#include "runtime/system/placement.hpp"

namespace flywheel {

using Learner =
    caf::typed_actor<caf::replies_to<LearnStep>::with<StepLearned>,         // one optimiser step
                     caf::replies_to<SaveSnapshot>::with<SnapshotSaved>,    // once it is on disk
                     caf::replies_to<LoadSnapshot>::with<SnapshotLoaded>>;  // goes on from there

using TrainerFactory = std::function<Result<std::unique_ptr<Trainer>>()>;

struct LearnerConfig {
  TrainerFactory make_trainer{};
  Ledger ledger{};
  SnapshotWriter snapshot_writer{};
  std::function<double()> usable_memory_bytes = flywheel::usable_memory_bytes;
};

Learner spawn_learner(caf::actor_system& system, RunContextPtr context, LearnerConfig config,
                      Placement placement);

}  // namespace flywheel
