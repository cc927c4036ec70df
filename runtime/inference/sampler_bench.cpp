#include "runtime/inference/sampler_bench.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>
#include <memory>

#include "runtime/inference/engine.hpp"
#include "runtime/inference/kernels.hpp"
#include "runtime/inference/packed_model.hpp"
#include "runtime/inference/thread_team.hpp"
#include "runtime/model/weights.hpp"

namespace flywheel {
namespace {

constexpr int repeats = 3;

template <class Work>
double seconds_of(Work&& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

struct Run {
  double seconds = 0.0;
  double decode_step_seconds = 0.0;
};

Result<Run> run_once(Engine& engine, const std::vector<std::vector<Token>>& prompts,
                     std::uint32_t new_tokens) {
  std::uint64_t id = 0;
  for (const std::vector<Token>& prompt : prompts) {
    FLYWHEEL_TRY_VOID(engine.submit({.id = id,
                                     .prompt = prompt,
                                     .sampling = {.tokens_max = new_tokens, .ignore_end = true},
                                     .key = derive_key({id})}));
    ++id;
  }
  Run run;
  int decode_steps = 0;
  while (!engine.is_idle()) {
    StepReport report;
    const double seconds = seconds_of([&] { report = engine.step(); });
    run.seconds += seconds;
    if (report.prompt_tokens == 0 && report.sampled.size() == prompts.size()) {
      run.decode_step_seconds += seconds;
      ++decode_steps;
    }
  }
  run.decode_step_seconds /= std::max(decode_steps, 1);
  return run;
}

// The model's products of one step: shape [out, in] and how often.
struct Product {
  std::int64_t out, in, count;
};
std::vector<Product> products_of(const ModelConfig& c) {
  const std::int64_t heads = c.head_count * c.head_size;
  return {{heads + 2 * c.kv_head_count * c.head_size, c.hidden_size, c.layer_count},
          {c.hidden_size, heads, c.layer_count},
          {2 * c.intermediate_size, c.hidden_size, c.layer_count},
          {c.hidden_size, c.intermediate_size, c.layer_count},
          {c.vocabulary_size, c.hidden_size, 1}};
}

// Seconds of one product at 64 rows: the better of LibTorch's and ours, over fresh weights each
// time.
double product_seconds(const Product& product, Precision precision, ThreadTeam& team) {
  const torch::NoGradGuard no_gradient;
  const InferenceKernels& kernels = kernels_of(best_instruction_set(), precision);
  const auto type = precision == Precision::float32 ? torch::kFloat32 : torch::kBFloat16;
  const std::int64_t rows = 64;
  const std::int64_t padded = round_up(product.out, panel_columns);
  const torch::Tensor x = torch::ones({rows, product.in}, type);
  const torch::Tensor y = torch::empty({rows, product.out}, torch::kFloat32);
  std::vector<torch::Tensor> weights;  // more than the caches hold, as in a model
  const std::int64_t copies =
      std::clamp<std::int64_t>((64 << 20) / (padded * product.in * 2), 1, product.count);
  weights.reserve(static_cast<std::size_t>(copies));
  for (std::int64_t i = 0; i < copies; ++i)
    weights.push_back(torch::full({padded, product.in}, 0.01, type));
  double best = std::numeric_limits<double>::max();
  for (int repeat = 0; repeat < repeats; ++repeat) {
    const double torch_seconds = seconds_of([&] {
      for (const torch::Tensor& weight : weights) at::linear(x, weight.narrow(0, 0, product.out));
    });
    const double own_seconds = seconds_of([&] {
      for (const torch::Tensor& weight : weights) {
        const Gemm gemm{.a = x.data_ptr(),
                        .panels = weight.data_ptr(),
                        .rows = rows,
                        .k = product.in,
                        .n = product.out,
                        .out = y.data_ptr<float>(),
                        .out_stride = product.out};
        team.for_each(gemm_tile_count(gemm), 1, [&](std::int64_t begin, std::int64_t end) {
          kernels.gemm_tiles(gemm, begin, end);
        });
      }
    });
    best = std::min({best, torch_seconds, own_seconds});
  }
  return best / static_cast<double>(copies);
}

// Bytes a second that all cores read of memory no cache holds.
double read_bandwidth(ThreadTeam& team) {
  constexpr std::int64_t size_bytes = std::int64_t{256} << 20;
  constexpr std::int64_t piece_bytes = std::int64_t{1} << 20;
  PageBuffer memory(static_cast<std::size_t>(size_bytes));
  std::memset(memory.data(), 1, static_cast<std::size_t>(size_bytes));
  const InferenceKernels& kernels = kernels_of(best_instruction_set(), Precision::float32);
  std::vector<float> maxima(static_cast<std::size_t>(size_bytes / piece_bytes));
  double best = std::numeric_limits<double>::max();
  for (int repeat = 0; repeat < repeats; ++repeat)
    best = std::min(
        best, seconds_of([&] {
          team.for_each(size_bytes / piece_bytes, 1, [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t piece = begin; piece < end; ++piece)
              maxima[static_cast<std::size_t>(piece)] = kernels.maximum(
                  reinterpret_cast<const float*>(memory.data() + piece * piece_bytes),
                  piece_bytes / 4);
          });
        }));
  return static_cast<double>(size_bytes) / best;
}

void measure_limits(const ModelConfig& model, Precision precision, SamplerBench& bench) {
  ThreadTeam team(0);
  double seconds = 0.0, flops = 0.0, bytes = 0.0;
  for (const Product& product : products_of(model)) {
    const auto numbers = static_cast<double>(product.out * product.in * product.count);
    seconds += product_seconds(product, precision, team) * static_cast<double>(product.count);
    flops += 2.0 * 64.0 * numbers;
    bytes += numbers * (precision == Precision::float32 ? 4.0 : 2.0);
  }
  bench.gemm_flops_per_second = flops / seconds;
  bench.limit_64 = 64.0 / seconds;
  bench.memory_bytes_per_second = read_bandwidth(team);
  bench.limit_1 = bench.memory_bytes_per_second / bytes;
}

}  // namespace

Result<SamplerBench> run_sampler_bench(const WeightsHandle& weights, Precision precision,
                                       std::vector<std::vector<Token>> prompts_64,
                                       std::uint32_t new_tokens) {
  if (prompts_64.empty() || new_tokens == 0)
    return fail(Failure::invalid_argument, "bench sampler: prompts and new tokens are needed");
  EngineConfig config{.precision = precision};
  config.sequences_max = static_cast<std::uint32_t>(prompts_64.size());
  SamplerBench bench;
  const WeightsHandle converted = convert(weights, precision);
  try {
    measure_limits(config_of(weights), precision, bench);
    for (int repeat = 0; repeat < repeats; ++repeat) {
      // A fresh engine each time: nothing is taken over from the last round.
      FLYWHEEL_TRY(auto engine, make_engine(converted, 0, config));
      FLYWHEEL_TRY(const Run many, run_once(*engine, prompts_64, new_tokens));
      const double swap_seconds = seconds_of([&] { (void)engine->swap_weights(converted, 1); });
      FLYWHEEL_TRY(const Run one, run_once(*engine, {prompts_64.front()}, new_tokens));
      const double count = static_cast<double>(new_tokens);
      bench.tokens_per_second_64 =
          std::max(bench.tokens_per_second_64,
                   count * static_cast<double>(prompts_64.size()) / many.seconds);
      bench.tokens_per_second_1 = std::max(bench.tokens_per_second_1, count / one.seconds);
      const auto keep_least = [repeat](double& figure, double value) {
        figure = repeat == 0 ? value : std::min(figure, value);
      };
      keep_least(bench.decode_step_ms_64, many.decode_step_seconds * 1e3);
      keep_least(bench.swap_ms, swap_seconds * 1e3);
    }
  } catch (const std::exception& error) {
    return fail(Failure::internal, std::string{"bench sampler: "} + error.what());
  }
  return bench;
}

}  // namespace flywheel
