#include "actors/commands/bench_cases.hpp"

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "actors/model_location.hpp"
#include "runtime/base/random.hpp"
#include "runtime/inference/engine.hpp"
#include "runtime/inference/sampler_bench.hpp"
#include "runtime/learning/learner_bench.hpp"
#include "runtime/learning/machine_rates.hpp"
#include "runtime/learning/trainer.hpp"
#include "runtime/model/turn_tokens.hpp"
#include "runtime/tasks/task_registry.hpp"
#include "storage/ledger_bench.hpp"

namespace flywheel {
namespace {

constexpr std::uint32_t group_count = 8;
constexpr std::uint32_t group_size = 8;
constexpr std::uint32_t new_tokens = 48;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The stated work: 8 training tasks of structured_requests, 8 samples each.
Result<std::vector<std::vector<Token>>> stated_prompts(const Checkpoint& checkpoint) {
  FLYWHEEL_TRY(const TaskFamily* family, find_task_family("structured_requests"));
  const TurnTokens turns{checkpoint.tokenizer, checkpoint.chat_template};
  std::vector<std::vector<Token>> prompts;
  for (std::uint32_t group = 0; group < group_count; ++group) {
    FLYWHEEL_TRY(const auto task, family->make_task(split_train, group, 1));
    FLYWHEEL_TRY(const auto opening, family->next_user_move(task, {}, Turn::no_parent));
    FLYWHEEL_TRY(const auto spans, turns.opening({}, opening.text));
    std::vector<Token> tokens;
    for (const Span& span : spans)
      tokens.insert(tokens.end(), span.tokens.begin(), span.tokens.end());
    prompts.insert(prompts.end(), group_size, tokens);
  }
  return prompts;
}

// Samples `count` of the prompts to exactly `new_tokens` tokens each.
Result<std::vector<Generation>> sample(Engine& engine,
                                       const std::vector<std::vector<Token>>& prompts,
                                       std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    GenerateRequest request{.id = i + 1, .prompt = prompts[i], .key = derive_key({i})};
    request.sampling.tokens_max = new_tokens;
    request.sampling.ignore_end = true;
    FLYWHEEL_TRY_VOID(engine.submit(std::move(request)));
  }
  std::vector<Generation> generations(count);
  while (!engine.is_idle())
    for (auto& generation : engine.step().finished)
      generations[generation.id - 1] = std::move(generation);
  return generations;
}

TrainBatch batch_of(const std::vector<std::vector<Token>>& prompts,
                    const std::vector<Generation>& generations) {
  TrainBatch batch;
  batch.is_on_policy = true;
  for (std::size_t i = 0; i < generations.size(); ++i) {
    TrainSequence sequence;
    sequence.tokens = prompts[i];
    sequence.loss_mask.resize(prompts[i].size(), 0);
    sequence.sampler_log_probabilities.resize(prompts[i].size(), 0.0F);
    const auto& [id, tokens, log_probabilities, versions, finish, reused, failure] = generations[i];
    sequence.tokens.insert(sequence.tokens.end(), tokens.begin(), tokens.end());
    sequence.loss_mask.resize(sequence.tokens.size(), 1);
    sequence.sampler_log_probabilities.insert(sequence.sampler_log_probabilities.end(),
                                              log_probabilities.begin(), log_probabilities.end());
    sequence.advantages.resize(sequence.tokens.size(), i % 2 == 0 ? 1.0F : -1.0F);
    batch.sequences.push_back(std::move(sequence));
  }
  return batch;
}

EngineConfig engine_config(Precision precision) {
  return {
      .precision = precision, .sequences_max = group_count * group_size, .context_length_max = 512};
}

TrainerConfig trainer_config(Precision precision) {
  TrainerConfig config;
  config.precision = precision;
  return config;
}

// Multiplications and additions of one token through the weights, forward only.
double flops_per_token(const ModelConfig& model) {
  return 2.0 * static_cast<double>(parameter_count(model));
}

double gemm_flops(const ModelConfig& model, Precision precision) {
  const auto rates = measure_machine_rates(model);
  return precision == Precision::bfloat16 ? rates.gemm_flops_bfloat16 : rates.gemm_flops_float32;
}

// A whole step: 64 samples of 48 tokens from base weights, all of them learned from.
Result<BenchReport> step_bench(const std::string& model, bool thorough) {
  FLYWHEEL_TRY(const auto checkpoint, load_named_checkpoint(model));
  FLYWHEEL_TRY(const auto prompts, stated_prompts(checkpoint));
  const Precision precision = fastest_precision();
  const auto weights = convert(checkpoint.weights, precision);
  FLYWHEEL_TRY(auto engine, make_engine(weights, 0, engine_config(precision)));
  FLYWHEEL_TRY(auto trainer, make_trainer(checkpoint.weights, trainer_config(precision)));
  double best = 1e30;
  double best_sampling = 0;
  double best_learning = 0;
  double computed_tokens = 0;
  for (int repeat = 0; repeat < (thorough ? 6 : 3); ++repeat) {
    FLYWHEEL_TRY_VOID(engine->swap_weights(weights, 0));  // forgets the prompts it had computed
    const auto start = std::chrono::steady_clock::now();
    FLYWHEEL_TRY(const auto generations, sample(*engine, prompts, prompts.size()));
    const double sampling = seconds_since(start);
    FLYWHEEL_TRY(const auto report, trainer->step(batch_of(prompts, generations)));
    const double total = seconds_since(start);
    computed_tokens = static_cast<double>(report.computed_token_count);
    if (total < best) {
      best = total;
      best_sampling = sampling;
      best_learning = total - sampling;
    }
  }
  const double rate = gemm_flops(checkpoint.config, precision);
  const double flops = flops_per_token(checkpoint.config);
  const double sampled = group_count * group_size * new_tokens;
  const double sampling_limit = sampled * flops / rate;
  const double learning_limit = 3.0 * computed_tokens * flops / rate;
  return BenchReport{"step",
                     {{"seconds_per_step", best, "s", false, sampling_limit + learning_limit},
                      {"sampling_seconds", best_sampling, "s", false, sampling_limit},
                      {"learning_seconds", best_learning, "s", false, learning_limit}}};
}

Result<BenchReport> sampler_bench(const std::string& model, bool) {
  FLYWHEEL_TRY(const auto checkpoint, load_named_checkpoint(model));
  FLYWHEEL_TRY(auto prompts, stated_prompts(checkpoint));
  const Precision precision = fastest_precision();
  const auto weights = convert(checkpoint.weights, precision);
  FLYWHEEL_TRY(const auto bench,
               run_sampler_bench(weights, precision, std::move(prompts), new_tokens));
  return BenchReport{
      "sampler",
      {{"tokens_per_second_1", bench.tokens_per_second_1, "1/s", true, bench.limit_1},
       {"tokens_per_second_64", bench.tokens_per_second_64, "1/s", true, bench.limit_64},
       {"decode_step_ms_64", bench.decode_step_ms_64, "ms", false, 0.0},
       {"swap_ms", bench.swap_ms, "ms", false, 0.0}}};
}

Result<BenchReport> learner_bench(const std::string& model, bool thorough) {
  FLYWHEEL_TRY(const auto checkpoint, load_named_checkpoint(model));
  FLYWHEEL_TRY(const auto prompts, stated_prompts(checkpoint));
  const Precision precision = fastest_precision();
  const auto weights = convert(checkpoint.weights, precision);
  FLYWHEEL_TRY(auto engine, make_engine(weights, 0, engine_config(precision)));
  FLYWHEEL_TRY(const auto generations, sample(*engine, prompts, prompts.size()));
  FLYWHEEL_TRY(const auto bench,
               run_learner_bench(checkpoint.weights, precision, batch_of(prompts, generations),
                                 thorough ? 8 : 3));
  return BenchReport{
      "learner",
      {{"tokens_per_second", bench.tokens_per_second, "1/s", true, bench.limit_tokens_per_second},
       {"step_seconds", bench.seconds, "s", false, bench.limit_seconds},
       {"mismatch_k3_mean", bench.report.mismatch_k3_mean, "nats", false, 0.0},
       {"mismatch_abs_max", bench.report.mismatch_abs_max, "nats", false, 0.0}}};
}

Result<BenchReport> ledger_bench(const std::string&, bool thorough) {
  LedgerBenchConfig config;
  config.folder = std::filesystem::current_path() / ".flywheel-bench-ledger";
  if (thorough) config.record_count *= 5;
  FLYWHEEL_TRY(const auto report, run_ledger_bench(config));
  return BenchReport{"ledger",
                     {{"records_per_second", report.records_per_second, "1/s", true,
                       report.raw_records_per_second},
                      {"commit_p99_ms", report.commit_p99_ms, "ms", false, report.fsync_p99_ms}}};
}

}  // namespace

std::span<const BenchCase> bench_cases() {
  static constexpr std::array cases = {
      BenchCase{"sampler", "tokens sampled a second, 1 and 64 sequences", sampler_bench},
      BenchCase{"learner", "tokens learned from a second", learner_bench},
      BenchCase{"step", "one step: 64 samples of 48 tokens, all learned from", step_bench},
      BenchCase{"ledger", "records and step commits a second, synced", ledger_bench},
      BenchCase{"caas", "containers: create to result, cycles, idle memory, Python, fork",
                caas_bench}};
  return cases;
}

}  // namespace flywheel
