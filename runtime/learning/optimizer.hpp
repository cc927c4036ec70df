// AdamW over flat buffers: float32 master weights, first and second moments (Loshchilov and Hutter
// 2019), one pass over memory a step.
#pragma once

#include <cstdint>

#include <torch/types.h>

#include "runtime/base/hash.hpp"
#include "runtime/learning/trainer.hpp"
#include "runtime/model/transformer_layout.hpp"

namespace flywheel {

// Of step `step` (1 is the first): linear warm-up from 0, then cosine decay to the floor.
double learning_rate_at(const TrainerConfig& config, std::uint64_t step);

class Optimizer {
 public:
  // `rounded` [layout.size] holds the parameters in the model's precision; it may be `master`.
  Optimizer(const ParameterLayout& layout, torch::Tensor master, torch::Tensor rounded);

  // L2 norm of a gradient, of the same bits for any number of threads. Not finite if an element is
  // not.
  double norm(const torch::Tensor& gradient) const;

  void step(const TrainerConfig& config, double learning_rate, double gradient_scale,
            const torch::Tensor& gradient);

  const torch::Tensor& master() const { return master_; }
  const torch::Tensor& mean() const { return mean_; }
  const torch::Tensor& variance() const { return variance_; }
  std::uint64_t steps_taken() const { return steps_taken_; }

  // Same shape, memory of its own, no `rounded`: to read a state into before it is trusted.
  Optimizer empty_copy() const;
  // The state as it is now, in memory of its own, no `rounded`: to write while steps go on.
  Optimizer copy() const;
  void set_steps_taken(std::uint64_t steps_taken) { steps_taken_ = steps_taken; }
  void take_state(const Optimizer& other);

  // Of master weights, moments and step count.
  Hash128 state_hash() const;

 private:
  struct Range {
    std::int64_t begin, end;
    bool decays;
  };

  std::vector<Range> ranges_;
  std::int64_t range_grain_ = 1;  // ranges a thread takes at least: all of them in small models
  torch::Tensor master_, rounded_, mean_, variance_;
  std::uint64_t steps_taken_ = 0;
};

}  // namespace flywheel
