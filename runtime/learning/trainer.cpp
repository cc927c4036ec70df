#include "runtime/learning/trainer.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include <fmt/format.h>
#include <torch/types.h>

#include "runtime/learning/batch_plan.hpp"
#include "runtime/learning/language_head.hpp"
#include "runtime/learning/loss_sums.hpp"
#include "runtime/learning/optimizer.hpp"
#include "runtime/learning/snapshot.hpp"
#include "runtime/model/transformer.hpp"
#include "runtime/model/transformer_parallel.hpp"
#include "runtime/model/weights.hpp"

namespace flywheel {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// LibTorch throws; nothing of it leaves this library.
template <class Function>
auto guarded(const char* what, Function function) -> decltype(function()) {
  try {
    const torch::NoGradGuard no_grad;
    return function();
  } catch (const c10::Error& error) {
    return fail(Failure::internal,
                fmt::format("trainer: {}: {}", what, error.what_without_backtrace()));
  } catch (const std::bad_alloc&) {
    return fail(Failure::resource_exhausted, fmt::format("trainer: {}: out of memory", what));
  } catch (const std::exception& error) {
    return fail(Failure::internal, fmt::format("trainer: {}: {}", what, error.what()));
  }
}

class CopiedState final : public TrainerState {
 public:
  CopiedState(ModelConfig config, Optimizer optimizer)
      : config_(std::move(config)), optimizer_(std::move(optimizer)) {}

  Result<Hash128> save(const std::string& path) const override {
    return guarded("save", [&]() -> Result<Hash128> {
      const ThreadLimit limit{1};  // the cores are the learner's and the samplers'
      return write_snapshot(path, config_, optimizer_);
    });
  }

 private:
  ModelConfig config_;
  Optimizer optimizer_;
};

class PackedTrainer final : public Trainer {
 public:
  PackedTrainer(std::unique_ptr<Transformer> model, torch::Tensor master, TrainerConfig config)
      : config_(config),
        model_(std::move(model)),
        optimizer_(model_->layout(), std::move(master), model_->parameters()),
        head_(*model_) {}

  Result<TrainReport> step(const TrainBatch& batch) override {
    return guarded("step", [&]() -> Result<TrainReport> { return take_step(batch); });
  }

  Result<TrainReport> evaluate(const TrainBatch& batch) override {
    return guarded("evaluate", [&]() -> Result<TrainReport> {
      FLYWHEEL_TRY(const auto plan, plan_batch(batch, model_->config(), config_, PlanFor::scoring));
      auto as_likelihood = config_;
      as_likelihood.algorithm = {.aggregation = LossAggregation::token_mean};
      LossSums sums{as_likelihood.algorithm, plan.totals};
      TrainReport report;
      FLYWHEEL_TRY_VOID(
          score(plan, report, [&](const MicroBatch& micro, const TokenScores& scores) {
            sums.add_likelihood(batch, micro, scores);
          }));
      sums.fill(report);
      return report;
    });
  }

  Result<std::vector<std::vector<float>>> log_probabilities(const TrainBatch& batch) override {
    using Rows = std::vector<std::vector<float>>;
    return guarded("log_probabilities", [&]() -> Result<Rows> {
      TrainBatch all;  // every token, whatever carries loss
      Rows rows;
      for (const auto& sequence : batch.sequences) {
        TrainSequence whole{.tokens = sequence.tokens};
        whole.loss_mask.assign(sequence.tokens.size(), 1);
        if (!whole.loss_mask.empty()) whole.loss_mask[0] = 0;
        rows.emplace_back(sequence.tokens.size(), 0.0F);
        all.sequences.push_back(std::move(whole));
      }
      FLYWHEEL_TRY(const auto plan, plan_batch(all, model_->config(), config_, PlanFor::scoring));
      TrainReport unused;
      FLYWHEEL_TRY_VOID(
          score(plan, unused, [&](const MicroBatch& micro, const TokenScores& scores) {
            for (const auto& planned : micro.sequences)
              for (std::size_t i = 0; i < planned.positions.size(); ++i)
                rows[planned.index][planned.positions[i]] =
                    scores.log_probabilities[planned.entry_begin + i];
          }));
      return rows;
    });
  }

  std::uint64_t steps_taken() const override { return optimizer_.steps_taken(); }

  WeightsHandle weights(Precision precision) const override {
    const auto& from =
        precision == model_->precision() ? model_->parameters() : optimizer_.master();
    return weights_from_flat(model_->config(), model_->layout(), from, precision);
  }

  Hash128 state_hash() const override {
    const ThreadLimit limit{config_.threads};
    return optimizer_.state_hash();
  }

  Result<Hash128> save(const std::string& path) const override {
    return guarded("save", [&]() -> Result<Hash128> {
      return write_snapshot(path, model_->config(), optimizer_);
    });
  }

  Result<std::shared_ptr<const TrainerState>> copy_state(
      std::uint64_t memory_bytes_max) const override {
    using State = std::shared_ptr<const TrainerState>;
    return guarded("copy_state", [&]() -> Result<State> {
      const auto bytes = 3 * static_cast<std::uint64_t>(optimizer_.master().nbytes());
      if (bytes > memory_bytes_max)
        return fail(Failure::resource_exhausted,
                    fmt::format("trainer: a copy of its state takes {} MiB, {} MiB are free",
                                bytes >> 20, memory_bytes_max >> 20));
      const ThreadLimit limit{config_.threads};
      return std::make_shared<const CopiedState>(model_->config(), optimizer_.copy());
    });
  }

  Result<> load(const std::string& path) override {
    return guarded("load",
                   [&]() -> Result<> { return read_snapshot(path, model_->config(), optimizer_); });
  }

  void on_pause(std::function<void()> callback) override { pause_ = std::move(callback); }

 private:
  Result<TrainReport> take_step(const TrainBatch& batch);
  void learn(const TrainBatch& batch, const MicroBatch& micro, LossSums& sums, TrainReport& report);
  template <class Consume>
  Result<> score(const BatchPlan& plan, TrainReport& report, Consume consume);
  void pause() {
    if (pause_) pause_();
  }

  TrainerConfig config_;
  std::unique_ptr<Transformer> model_;
  Optimizer optimizer_;
  LanguageHead head_;
  torch::Tensor gradient_;  // [layout.size] float32; kept from step to step
  std::function<void()> pause_;
};

Result<TrainReport> PackedTrainer::take_step(const TrainBatch& batch) {
  const ThreadLimit limit{config_.threads};
  FLYWHEEL_TRY(const auto plan, plan_batch(batch, model_->config(), config_, PlanFor::learning));
  if (!gradient_.defined()) gradient_ = torch::empty({model_->layout().size}, torch::kFloat);
  gradient_.zero_();
  TrainReport report;
  LossSums sums{config_.algorithm, plan.totals};
  head_.refresh();
  for (const auto& micro : plan.micro_batches) {
    learn(batch, micro, sums, report);
    pause();
  }
  sums.fill(report);
  const auto start = std::chrono::steady_clock::now();
  report.gradient_norm = optimizer_.norm(gradient_);
  if (!std::isfinite(report.loss) || !std::isfinite(report.gradient_norm))
    return fail(
        Failure::internal,
        fmt::format("trainer: step {}: loss {} or gradient norm {} is not finite; weights and "
                    "optimiser state are as they were",
                    optimizer_.steps_taken() + 1, report.loss, report.gradient_norm));
  report.learning_rate = learning_rate_at(config_, optimizer_.steps_taken() + 1);
  const double scale =
      config_.gradient_norm_max > 0 && report.gradient_norm > config_.gradient_norm_max
          ? config_.gradient_norm_max / report.gradient_norm
          : 1.0;
  optimizer_.step(config_, report.learning_rate, scale, gradient_);
  report.optimizer_seconds = seconds_since(start);
  report.step = optimizer_.steps_taken();
  report.computed_token_count = plan.computed_token_count;
  return report;
}

void PackedTrainer::learn(const TrainBatch& batch, const MicroBatch& micro, LossSums& sums,
                          TrainReport& report) {
  auto start = std::chrono::steady_clock::now();
  const auto hidden = model_->forward(micro.forest, true);
  report.forward_seconds += seconds_since(start);
  start = std::chrono::steady_clock::now();
  // A loss that couples a sequence's tokens needs all their log-probabilities before any slope.
  std::vector<float> known;
  if (couples_tokens(config_.algorithm))
    known = sums.slopes(batch, micro, head_.score(hidden, micro.entries));
  auto hidden_gradient = torch::empty_like(hidden);
  const auto scores = head_.score_and_differentiate(
      hidden, micro.entries,
      [&](std::size_t begin, std::size_t end, const TokenScores& so_far, std::span<float> slopes) {
        if (known.empty())
          sums.token_slopes(batch, micro, so_far, begin, end, slopes);
        else
          std::copy_n(known.begin() + static_cast<std::ptrdiff_t>(begin), end - begin,
                      slopes.begin());
      },
      hidden_gradient, gradient_);
  sums.add(batch, micro, scores);
  model_->backward(micro.forest, hidden_gradient, gradient_);
  report.backward_seconds += seconds_since(start);
}

template <class Consume>
Result<> PackedTrainer::score(const BatchPlan& plan, TrainReport& report, Consume consume) {
  const ThreadLimit limit{config_.threads};
  const auto start = std::chrono::steady_clock::now();
  head_.refresh();
  for (const auto& micro : plan.micro_batches) {
    consume(micro, head_.score(model_->forward(micro.forest, false), micro.entries));
    pause();
  }
  report.forward_seconds = seconds_since(start);
  report.computed_token_count = plan.computed_token_count;
  report.step = optimizer_.steps_taken();
  return {};
}

Result<> check_config(const TrainerConfig& config) {
  const auto refuse = [](std::string_view name, std::string_view rule) {
    return fail(Failure::invalid_argument, fmt::format("trainer: {} {}", name, rule));
  };
  // The moments are float32: a decay that rounds to 1 there would leave them at 0 for ever.
  const auto is_decay = [](double x) { return x >= 0.0 && static_cast<float>(x) < 1.0F; };
  const auto is_finite = [](double x) { return std::isfinite(static_cast<float>(x)); };
  if (!std::isfinite(config.learning_rate) || config.learning_rate < 0)
    return refuse("learning_rate", "must be 0 or more");
  if (!is_decay(config.beta1)) return refuse("beta1", "must be 0 to 0.9999999");
  if (!is_decay(config.beta2)) return refuse("beta2", "must be 0 to 0.9999999");
  if (!(static_cast<float>(config.epsilon) > 0) || !is_finite(config.epsilon))
    return refuse("epsilon", "must be over 0 and finite as a 32-bit float");
  if (!(config.weight_decay >= 0) || !is_finite(config.weight_decay))
    return refuse("weight_decay", "must be 0 or more, and finite");
  if (!(config.gradient_norm_max >= 0)) return refuse("gradient_norm_max", "must be 0 or more");
  if (config.micro_batch_tokens == 0) return refuse("micro_batch_tokens", "must be over 0");
  if (config.threads < 0) return refuse("threads", "must be 0 or more");
  if (config.algorithm.aggregation == LossAggregation::constant_divisor &&
      !(config.algorithm.constant_divisor > 0))
    return refuse("algorithm.constant_divisor", "must be over 0 for this aggregation");
  if (!(config.algorithm.clip_low >= 0 && config.algorithm.clip_high >= 0))
    return refuse("algorithm.clip_low and clip_high", "must be 0 or more");
  return {};
}

}  // namespace

Result<std::unique_ptr<Trainer>> make_trainer(const WeightsHandle& initial,
                                              const TrainerConfig& config) {
  if (!initial) return fail(Failure::invalid_argument, "trainer: there are no weights");
  FLYWHEEL_TRY_VOID(check_config(config));
  return guarded("start", [&]() -> Result<std::unique_ptr<Trainer>> {
    auto model = make_transformer(initial->config, config.precision);
    auto master = model->parameters();  // in float32 they are the master weights
    if (config.precision != Precision::float32)
      master = torch::zeros({model->layout().size}, torch::kFloat);
    FLYWHEEL_TRY_VOID(copy_weights(initial, model->layout(), master));
    if (config.precision != Precision::float32) model->parameters().copy_(master);
    return std::make_unique<PackedTrainer>(std::move(model), std::move(master), config);
  });
}

}  // namespace flywheel
