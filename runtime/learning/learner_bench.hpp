// Measures a learner's step on a real batch, and in the same run what the machine's matrix products
// alone would take for it.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/learning/trainer.hpp"
#include "runtime/model/weights_handle.hpp"

namespace flywheel {

struct LearnerBench {
  double seconds = 0.0;            // of one step: the median of those measured
  double tokens_per_second = 0.0;  // tokens that carry loss
  double limit_seconds = 0.0;      // of the step's matrix products alone, on the same shapes
  double limit_tokens_per_second = 0.0;
  double limit_flops = 0.0;  // what the products reach, floating-point operations a second
  TrainReport report{};      // of the last step
};

// Takes steps (one unmeasured) on `batch` with a trainer of its own and a learning rate of 0.
Result<LearnerBench> run_learner_bench(const WeightsHandle& weights, Precision precision,
                                       const TrainBatch& batch, int step_count = 3,
                                       int threads = 0);

}  // namespace flywheel
