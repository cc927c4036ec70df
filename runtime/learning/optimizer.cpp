#include "runtime/learning/optimizer.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include <torch/types.h>

#include "runtime/model/transformer_kernels.hpp"
#include "runtime/model/transformer_parallel.hpp"

namespace flywheel {
namespace {

constexpr std::int64_t block_elements = 262'144;  // of one task; fixed, so that sums are too

template <class T>
void update(std::int64_t begin, std::int64_t end, const AdamwStep& step, const float* gradient,
            const torch::Tensor& master, const torch::Tensor& mean, const torch::Tensor& variance,
            const torch::Tensor& rounded) {
  kernels<T>().adamw(end - begin, step, gradient + begin, master.data_ptr<float>() + begin,
                     mean.data_ptr<float>() + begin, variance.data_ptr<float>() + begin,
                     static_cast<T*>(rounded.data_ptr()) + begin);
}

Hash128 hash_of(const torch::Tensor& tensor) {
  const auto count = (tensor.numel() + block_elements - 1) / block_elements;
  std::vector<Hash128> hashes(static_cast<std::size_t>(count));
  const float* data = tensor.data_ptr<float>();
  parallel_for_each(count, count == 1, [&](std::int64_t block) {
    const auto begin = block * block_elements;
    const auto size = std::min(block_elements, tensor.numel() - begin);
    hashes[static_cast<std::size_t>(block)] =
        hash_bytes(data + begin, static_cast<std::size_t>(size) * sizeof(float));
  });
  return hash_bytes(hashes.data(), hashes.size() * sizeof(Hash128));
}

}  // namespace

double learning_rate_at(const TrainerConfig& config, std::uint64_t step) {
  if (step <= config.warmup_steps)
    return config.learning_rate * static_cast<double>(step) /
           static_cast<double>(config.warmup_steps);
  if (config.decay_steps == 0) return config.learning_rate;
  const double progress = std::min(1.0, static_cast<double>(step - config.warmup_steps) /
                                            static_cast<double>(config.decay_steps));
  const double share = 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
  return config.learning_rate * (config.decay_floor + (1.0 - config.decay_floor) * share);
}

Optimizer::Optimizer(const ParameterLayout& layout, torch::Tensor master, torch::Tensor rounded)
    : master_(std::move(master)),
      rounded_(std::move(rounded)),
      mean_(torch::zeros_like(master_)),
      variance_(torch::zeros_like(master_)) {
  for (const auto& slot : layout.slots)
    for (auto begin = slot.offset; begin < slot.offset + slot.count; begin += block_elements)
      ranges_.push_back(
          {begin, std::min(begin + block_elements, slot.offset + slot.count), slot.decays});
  if (layout.size < block_elements) range_grain_ = static_cast<std::int64_t>(ranges_.size());
}

double Optimizer::norm(const torch::Tensor& gradient) const {
  std::vector<double> squares(ranges_.size());
  const float* data = gradient.data_ptr<float>();
  parallel_for(static_cast<std::int64_t>(ranges_.size()), range_grain_, [&](auto begin, auto end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i)
      squares[i] = kernels<float>().sum_of_squares(ranges_[i].end - ranges_[i].begin,
                                                   data + ranges_[i].begin);
  });
  double sum = 0.0;
  for (const double square : squares) sum += square;
  return std::sqrt(sum);
}

void Optimizer::step(const TrainerConfig& config, double learning_rate, double gradient_scale,
                     const torch::Tensor& gradient) {
  const double t = static_cast<double>(++steps_taken_);
  AdamwStep step{.gradient_scale = static_cast<float>(gradient_scale),
                 .beta1 = static_cast<float>(config.beta1),
                 .beta2 = static_cast<float>(config.beta2),
                 .decay = 1.0F,
                 .step_size = static_cast<float>(learning_rate / (1.0 - std::pow(config.beta1, t))),
                 .correction = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(config.beta2, t))),
                 .epsilon = static_cast<float>(config.epsilon)};
  const auto decay = static_cast<float>(1.0 - learning_rate * config.weight_decay);
  const auto run = rounded_.scalar_type() == torch::kFloat ? update<float> : update<Bfloat16>;
  parallel_for(static_cast<std::int64_t>(ranges_.size()), range_grain_, [&](auto begin, auto end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      auto mine = step;
      if (ranges_[i].decays) mine.decay = decay;
      run(ranges_[i].begin, ranges_[i].end, mine, gradient.data_ptr<float>(), master_, mean_,
          variance_, rounded_);
    }
  });
}

Optimizer Optimizer::empty_copy() const {
  auto copy = *this;
  copy.master_ = torch::empty_like(master_);
  copy.mean_ = torch::empty_like(mean_);
  copy.variance_ = torch::empty_like(variance_);
  copy.rounded_ = torch::Tensor{};
  return copy;
}

Optimizer Optimizer::copy() const {
  auto taken = empty_copy();
  taken.steps_taken_ = steps_taken_;
  taken.master_.copy_(master_);
  taken.mean_.copy_(mean_);
  taken.variance_.copy_(variance_);
  return taken;
}

void Optimizer::take_state(const Optimizer& other) {
  steps_taken_ = other.steps_taken_;
  master_.copy_(other.master_);
  mean_.copy_(other.mean_);
  variance_.copy_(other.variance_);
  if (!rounded_.is_same(master_)) rounded_.copy_(master_);
}

Hash128 Optimizer::state_hash() const {
  const auto weights = hash_of(master_);
  const auto moments = combine(hash_of(mean_), hash_of(variance_));
  return combine(combine(weights, moments), hash_bytes(&steps_taken_, sizeof steps_taken_));
}

}  // namespace flywheel
