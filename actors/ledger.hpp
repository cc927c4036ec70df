// Ledger is the truth about a run's rollouts: every change is durable before it is answered.
//
//   Experiment, SimulatedUser ──changes──▶ Ledger ──Stored──▶
//   Experiment ──LeaseBatch──▶ Ledger ──BatchLeased──▶      Learner ──ReadRollouts──▶ Ledger
//
// Guarantees: a change is one atomic synced write, or refused; changes that arrive together share
//             one fsync; a lease holds only complete groups that are fresh enough; the ledger never
//             drops.
// Runs on:    a thread of its own, because it waits for the disk.
// If it dies: the run stops; `flywheel run --resume` goes on from what is stored.
#pragma once

#include <caf/fwd.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "actors/messages/messages.hpp"
#include "runtime/system/placement.hpp"
#include "storage/ledger_store.hpp"

namespace flywheel {

using Ledger =
    caf::typed_actor<caf::replies_to<PlanRollouts>::with<Stored>,     // new rollouts of a group
                     caf::replies_to<StartRollouts>::with<Stored>,    // their users are talking
                     caf::replies_to<FinishRollout>::with<Stored>,    // its conversation is over
                     caf::replies_to<GradeRollout>::with<Stored>,     // its verdict
                     caf::replies_to<DiscardRollouts>::with<Stored>,  // given up, with the reason
                     caf::replies_to<CommitStep>::with<Stored>,       // the leased are consumed
                     caf::replies_to<LeaseBatch>::with<BatchLeased>,  // once groups are complete
                     caf::replies_to<ReadRollouts>::with<RolloutBatch>,  // as they are stored
                     caf::reacts_to<NextTurn>>;                          // its own write loop

// Why a lease discards groups: they are too old for the learner.
inline constexpr const char* discarded_as_stale = "stale";

// The store must outlive the actor.
Ledger spawn_ledger(caf::actor_system& system, LedgerStore& store, Placement placement);

}  // namespace flywheel
