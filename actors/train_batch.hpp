// From rollouts to what a trainer is given: the tokens of each conversation, which of them carry
// loss, and the advantages within each group.
#pragma once

#include <vector>

#include "runtime/base/rollout.hpp"
#include "runtime/learning/trainer.hpp"

namespace flywheel {

// The tokens up to the last one that carries loss; every loss token gets `advantage`.
TrainSequence train_sequence(const Transcript& transcript, double advantage);

// Groups whose rewards are all equal are left out where the algorithm says so. `version` is the
// learner's before the step: the batch is on-policy if all its tokens were sampled by it.
TrainBatch make_train_batch(const std::vector<Rollout>& rollouts, const AlgorithmConfig& algorithm,
                            PolicyVersion version);

}  // namespace flywheel
