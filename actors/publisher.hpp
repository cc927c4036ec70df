// Publisher hands each new version of the weights to every sampler and believes only hashes.
//
//   Experiment ──PublishWeights──▶ Publisher ──InstallWeights──▶ every Sampler
//   Sampler ──WeightsInstalled(hash)──▶ Publisher ──WeightsPublished──▶ Experiment
//
// Guarantees: WeightsPublished only after every sampler proved, by a hash of its own copy, that it
//             holds exactly these weights; one that does not is given them once more, then the
//             publication fails with the sampler's hash beside ours. A sampler that was started
//             again is given the newest; where it can't prove them, the publisher ends.
// Runs on:    a thread of its own: it hashes and writes hundreds of megabytes.
// If it dies: the run stops; a resume publishes anew.
#pragma once

#include <memory>
#include <vector>

#include <caf/fwd.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "actors/messages/messages.hpp"
#include "actors/run_context.hpp"
#include "actors/sampler.hpp"
#include "runtime/model/checkpoint.hpp"
#include "runtime/system/placement.hpp"

namespace flywheel {

using Publisher =
    caf::typed_actor<caf::replies_to<PublishWeights>::with<WeightsPublished>,    // all proved it
                     caf::replies_to<WriteCheckpoint>::with<CheckpointWritten>,  // the newest ones
                     caf::reacts_to<PartDied>>;  // a sampler came back and needs the weights

struct PublisherConfig {
  std::vector<Sampler> samplers{};
  Checkpoint base{};  // tokenizer, chat template and shape of what checkpoints are written as
  Precision checkpoint_precision = Precision::bfloat16;
};

Publisher spawn_publisher(caf::actor_system& system, RunContextPtr context, PublisherConfig config,
                          Placement placement);

}  // namespace flywheel
