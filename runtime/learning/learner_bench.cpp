#include "runtime/learning/learner_bench.hpp"

#include <algorithm>
#include <chrono>
#include <functional>

#include <torch/types.h>

#include "runtime/learning/batch_plan.hpp"
#include "runtime/learning/language_head.hpp"
#include "runtime/model/transformer_gemm.hpp"
#include "runtime/model/transformer_parallel.hpp"
#include "runtime/model/weights.hpp"

namespace flywheel {
namespace {

double seconds_of(const std::function<void()>& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

struct Products {
  double seconds = 0.0, operations = 0.0;
};

// Forward and both backward products of a linear layer over `rows` rows: the best of a few runs.
Products layer_products(std::int64_t rows, std::int64_t in, std::int64_t out,
                        torch::ScalarType type, bool is_head = false) {
  const auto x = torch::randn({rows, in}).to(type), w = torch::randn({out, in}).to(type);
  const auto dy = torch::randn({rows, out}).to(type);
  const auto y = torch::empty({rows, out}, is_head ? torch::kFloat : type),
             dx = torch::empty({rows, in}, type);
  auto dw = torch::empty({out, in}, type);  // without the addition to float32, which is no product
  LogitWeight head;
  if (is_head) head.refresh(w);
  double best = 1e30;
  for (int run = 0; run < 4; ++run)
    best = std::min(best, seconds_of([&] {
                      is_head ? head.multiply(x, y) : linear_forward(x, w, y);
                      linear_input_gradient(dy, w, dx);
                      torch::mm_out(dw, dy.t(), x);
                    }));
  return {best, 6.0 * static_cast<double>(rows * in * out)};
}

Products batch_products(const ModelConfig& model, torch::ScalarType type, const BatchPlan& plan) {
  const auto hidden = model.hidden_size;
  const auto query_width = model.head_count * model.head_size;
  const auto qkv_width = query_width + 2 * model.kv_head_count * model.head_size;
  Products total;
  const auto add = [&](const Products& part, double times) {
    total.seconds += times * part.seconds;
    total.operations += times * part.operations;
  };
  for (const auto& micro : plan.micro_batches) {
    const auto rows = micro.forest.row_count();
    const auto layers = static_cast<double>(model.layer_count);
    add(layer_products(rows, hidden, qkv_width, type), layers);
    add(layer_products(rows, query_width, hidden, type), layers);
    add(layer_products(rows, hidden, 2 * model.intermediate_size, type), layers);
    add(layer_products(rows, model.intermediate_size, hidden, type), layers);
    const auto chunk = LanguageHead::chunk_rows(model.vocabulary_size);
    add(layer_products(chunk, hidden, model.vocabulary_size, type, true),
        static_cast<double>(micro.entries.size()) / static_cast<double>(chunk));
  }
  return total;
}

}  // namespace

Result<LearnerBench> run_learner_bench(const WeightsHandle& weights, Precision precision,
                                       const TrainBatch& batch, int step_count, int threads) {
  const ThreadLimit limit{threads};
  const TrainerConfig config{.learning_rate = 0.0, .precision = precision, .threads = threads};
  FLYWHEEL_TRY(const auto trainer, make_trainer(weights, config));
  FLYWHEEL_TRY(const auto plan, plan_batch(batch, weights->config, config, PlanFor::learning));
  FLYWHEEL_TRY_VOID(trainer->step(batch));
  LearnerBench bench;
  std::vector<double> seconds;
  for (int step = 0; step < std::max(step_count, 1); ++step) {
    Result<TrainReport> report;
    seconds.push_back(seconds_of([&] { report = trainer->step(batch); }));
    FLYWHEEL_TRY(bench.report, std::move(report));
  }
  std::sort(seconds.begin(), seconds.end());
  bench.seconds = seconds[seconds.size() / 2];
  const torch::NoGradGuard no_grad;
  const auto type = precision == Precision::float32 ? torch::kFloat : torch::kBFloat16;
  const auto products = batch_products(weights->config, type, plan);
  const auto tokens = static_cast<double>(bench.report.loss_token_count);
  bench.tokens_per_second = tokens / bench.seconds;
  bench.limit_seconds = products.seconds;
  bench.limit_tokens_per_second = tokens / products.seconds;
  bench.limit_flops = products.operations / products.seconds;
  return bench;
}

}  // namespace flywheel
