// The conversation that moves weights: the learner makes them, the publisher has every sampler
// prove what it holds. LocalWeights never leaves the process; on the wire there are hashes and
// versions.
//
//   Experiment ──LearnStep──▶ Learner      Experiment ──PublishWeights──▶ Publisher
//   Publisher ──InstallWeights──▶ Sampler ──WeightsInstalled(hash)──▶ Publisher
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "actors/messages/records.hpp"
#include "runtime/learning/trainer.hpp"
#include "runtime/model/weights_handle.hpp"

namespace flywheel {

// Immutable, shared, local to the process.
struct LocalWeights {
  WeightsHandle handle{};
  PolicyVersion version = 0;
  Hash128 hash{};  // content hash of `handle`: computed once, by who made it
};

inline LocalWeights make_local_weights(WeightsHandle handle, PolicyVersion version) {
  const Hash128 hash = content_hash(handle);
  return {std::move(handle), version, hash};
}

// Local only: carries weights.
struct InstallWeights {
  LocalWeights weights{};  // its hash is what the sampler must prove
};
struct WeightsInstalled {
  PolicyVersion version = 0;
  Hash128 hash{};  // computed by the sampler from its own copy
};

// Local only: carries weights.
struct PublishWeights {
  LocalWeights weights{};
};
struct WeightsPublished {
  PolicyVersion version = 0;
  Hash128 hash{};
};

// Writes a Hugging Face folder of the published weights; answered when it is on disk.
struct WriteCheckpoint {
  std::string folder{};
};
struct CheckpointWritten {
  std::string folder{};
  Hash128 hash{};
  std::map<std::string, Hash128> tensor_hashes{};
};

// Learns from exactly these rollouts, which the learner reads from the ledger.
struct LearnStep {
  std::uint64_t step = 0;        // the step to take: 1 for the first
  std::vector<RolloutId> ids{};  // in order
};
// Local only: carries weights.
struct StepLearned {
  std::uint64_t step = 0;
  TrainReport report{};
  std::vector<RolloutId> consumed{};
  Hash128 state_hash{};  // master weights and optimiser state after the step
  double reward_mean = 0.0;
  double first_turn_pass_rate = 0.0;
  std::map<std::uint64_t, std::uint64_t> staleness{};  // versions behind -> rollouts
  double learn_seconds = 0.0;
  LocalWeights weights{};  // after the step, in the samplers' precision
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, WeightsInstalled& x) {
  return f(caf::meta::type_name("WeightsInstalled"), x.version, x.hash);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, WeightsPublished& x) {
  return f(caf::meta::type_name("WeightsPublished"), x.version, x.hash);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, WriteCheckpoint& x) {
  return f(caf::meta::type_name("WriteCheckpoint"), x.folder);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, CheckpointWritten& x) {
  return f(caf::meta::type_name("CheckpointWritten"), x.folder, x.hash, x.tensor_hashes);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, LearnStep& x) {
  return f(caf::meta::type_name("LearnStep"), x.step, x.ids);
}

}  // namespace flywheel

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flywheel::InstallWeights)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flywheel::PublishWeights)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flywheel::StepLearned)
