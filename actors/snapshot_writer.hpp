// SnapshotWriter puts copies of the learner's state on the disk while the learner goes on learning.
//
//   Learner ──WriteSnapshot(copy), delegated──▶ SnapshotWriter ──SnapshotSaved──▶ Experiment
//
// Guarantees: answers once the file is whole and durable under its name (temporary file, fsync,
//             rename), with the hash of what was written; holds one copy at a time, for the
//             Experiment takes no step that ends in a snapshot while one is being written.
// Runs on:    a thread of its own: it waits for the disk.
// If it dies: the run stops; a resume goes on from the last snapshot that was committed.
#pragma once

#include <caf/fwd.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "actors/messages/messages.hpp"
#include "runtime/system/placement.hpp"

namespace flywheel {

using SnapshotWriter =
    caf::typed_actor<caf::replies_to<WriteSnapshot>::with<SnapshotSaved>>;  // once it is on disk

SnapshotWriter spawn_snapshot_writer(caf::actor_system& system, Placement placement);

}  // namespace flywheel
