#include "actors/commands/plan.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include <fmt/format.h>

namespace flywheel {
namespace {

constexpr double gib = 1024.0 * 1024.0 * 1024.0;

// Rates of a core where nothing was measured: half of what a two-core AVX512-BF16 machine reached.
constexpr double assumed_flops_bfloat16_per_core = 300e9;
constexpr double assumed_flops_float32_per_core = 80e9;
constexpr double assumed_copy_bytes_per_second = 20e9;
constexpr double process_bytes = 0.6 * gib;  // LibTorch, RocksDB's caches and everything else
constexpr double memory_share_usable = 0.9;  // above it the allocator's losses meet the limit

struct Gpu {
  std::string_view name;
  double flops;  // bfloat16, dense, as the vendor states it
  double memory_bytes;
  double bytes_per_second;
};
constexpr Gpu gpus[] = {{"NVIDIA H100 SXM", 989e12, 80e9, 3.35e12},
                        {"NVIDIA H200 SXM", 989e12, 141e9, 4.8e12}};

// Parameters of a model by what they do.
struct Parameters {
  double total = 0.0;
  double multiplied = 0.0;  // those of matrix products: all but a looked-up embedding
};

Parameters parameters_of(const ModelConfig& c) {
  const double hidden = double(c.hidden_size), heads = double(c.head_count * c.head_size);
  const double kv = double(c.kv_head_count * c.head_size);
  double layer = 2 * hidden * heads + 2 * hidden * kv + 3 * hidden * double(c.intermediate_size);
  const double products = layer * double(c.layer_count);
  layer +=
      2 * hidden + (c.qkv_bias ? heads + 2 * kv : 0) + (c.qk_norm ? 2.0 * double(c.head_size) : 0);
  const double embedding = double(c.vocabulary_size) * hidden;
  return {.total = layer * double(c.layer_count) + hidden + embedding * (c.tied_embeddings ? 1 : 2),
          .multiplied = products + embedding};
}

struct Work {
  bool is_bfloat16 = false;
  double bytes_per_number = 4.0;
  double samples = 0.0;         // a step
  double context_tokens = 0.0;  // of a whole conversation
  double sampled_tokens = 0.0;  // a step, at most
  double learned_tokens = 0.0;  // a step, at most, prompts once a group
  double evaluation_samples = 0.0;
  double evaluation_sampled_tokens = 0.0;
};

Work work_of(const ExperimentSpec& spec, const MachineFacts& machine,
             const PlanAssumptions& assumed) {
  Work work;
  work.is_bfloat16 =
      spec.model.precision == PrecisionChoice::bfloat16 ||
      (spec.model.precision == PrecisionChoice::automatic && machine.has_fast_bfloat16);
  work.bytes_per_number = work.is_bfloat16 ? 2.0 : 4.0;
  work.samples = double(spec.task.tasks_per_step) * double(spec.task.samples_per_task);
  const double answer = assumed.turns * double(spec.sampling.tokens_max);
  const double later_prompts = (assumed.turns - 1.0) * assumed.prompt_tokens / 2.0;
  work.context_tokens =
      std::min(assumed.prompt_tokens + answer + later_prompts, double(spec.model.context_length));
  work.sampled_tokens = work.samples * answer;
  work.learned_tokens = double(spec.task.tasks_per_step) * assumed.prompt_tokens +
                        work.samples * (answer + later_prompts);
  const double evaluations_during =
      spec.evaluation.every_steps == 0
          ? 0.0
          : std::floor(double(spec.budget.steps - 1) / double(spec.evaluation.every_steps));
  work.evaluation_samples =
      2.0 * double(spec.data.held_out_tasks) * double(spec.evaluation.samples_per_task) +
      evaluations_during * double(spec.evaluation.tasks_during);
  work.evaluation_sampled_tokens = work.evaluation_samples * answer;
  return work;
}

double kv_bytes_per_token(const ModelConfig& c, const Work& work) {
  return 2.0 * double(c.layer_count * c.kv_head_count * c.head_size) * work.bytes_per_number;
}

// Numbers that backward needs, a token and layer: two norms' inputs and outputs, queries and the
// attention's output, keys and values, and four of the feed-forward's width. Attention weights are
// computed again and not kept.
double activation_numbers(const ModelConfig& c) {
  return 4.0 * double(c.hidden_size) + 2.0 * double(c.head_count * c.head_size) +
         2.0 * double(c.kv_head_count * c.head_size) + 4.0 * double(c.intermediate_size);
}

std::vector<MemoryPart> memory_of(const ExperimentSpec& spec, const ModelConfig& c,
                                  const Work& work) {
  const double p = parameters_of(c).total, width = work.bytes_per_number;
  const double samplers = double(spec.compute.samplers);
  const double versions = double(spec.staleness_max) + 1.0;
  const double micro = double(spec.trainer.micro_batch_tokens);
  const double sequences = double(spec.compute.sequences_max);
  std::vector<MemoryPart> parts = {
      {"master weights", fmt::format("4 B x {:.3g}", p), 4 * p, true},
      {"gradients", fmt::format("4 B x {:.3g}", p), 4 * p, true},
      {"optimiser", fmt::format("AdamW, 2 x 4 B x {:.3g}", p), 8 * p, true},
      {"working weights of the learner", fmt::format("{} B x {:.3g}", work.is_bfloat16 ? 2 : 0, p),
       work.is_bfloat16 ? 2 * p : 0.0, true},
      {"weights of samplers", fmt::format("{} x {} B x {:.3g}", spec.compute.samplers, width, p),
       samplers * width * p, true},
      {"published versions",
       fmt::format("(staleness_max {} + 1) x {} B x {:.3g}", spec.staleness_max, width, p),
       versions * width * p, true},
      {"KV cache",
       fmt::format("{} x {:.0f} sequences x {} tokens x 2 x {} layers x {} x {} x {} B",
                   spec.compute.samplers, sequences, spec.model.context_length, c.layer_count,
                   c.kv_head_count, c.head_size, width),
       samplers * sequences * double(spec.model.context_length) * kv_bytes_per_token(c, work),
       true},
      {"activations",
       fmt::format("{:.0f} tokens x {} layers x {:.0f} x {} B", micro, c.layer_count,
                   activation_numbers(c), width),
       micro * double(c.layer_count) * activation_numbers(c) * width, false},
      {"logits",
       fmt::format("{:.0f} tokens x {} x ({} + 4 + 4) B", micro, c.vocabulary_size, width),
       micro * double(c.vocabulary_size) * (width + 8.0), false},
      {"program", "LibTorch, RocksDB and the rest", process_bytes, false},
  };
  return parts;
}

// What one token costs forward: two operations a multiplied parameter, and attention's two products
// with every earlier token (Kaplan et al. 2020, arXiv 2001.08361, table 1). Backward costs twice
// that.
double forward_flops(const ModelConfig& c, double context_mean) {
  return 2.0 * parameters_of(c).multiplied +
         4.0 * double(c.layer_count * c.head_count * c.head_size) * context_mean;
}

struct Rates {
  double flops = 0.0;  // after utilisation
  double bytes_per_second = 0.0;
  double launch_seconds = 0.0;  // a decode step's floor
};

// A decode step reads all weights and the sequences' KV once, and computes one token a sequence:
// whichever takes longer. Prompts are computed once a group.
double sampling_seconds(const ModelConfig& c, const ExperimentSpec& spec, const Work& work,
                        double sampled, double prompts, const Rates& rates,
                        const PlanAssumptions& assumed) {
  const double batch = std::min(double(spec.compute.sequences_max) * double(spec.compute.samplers),
                                std::max(1.0, work.samples));
  const double flops = forward_flops(c, work.context_tokens / 2.0);
  const double bytes = parameters_of(c).multiplied * work.bytes_per_number +
                       batch * work.context_tokens / 2.0 * kv_bytes_per_token(c, work);
  const double step =
      std::max({batch * flops / rates.flops, bytes / rates.bytes_per_second, rates.launch_seconds});
  return sampled / batch * step + prompts * assumed.prompt_tokens * flops / rates.flops;
}

// The optimiser reads weight, gradient and both moments, and writes all but the gradient, plus the
// working copy.
double learning_seconds(const ModelConfig& c, const Work& work, const Rates& rates) {
  const double traffic = parameters_of(c).total * (28.0 + work.bytes_per_number);
  return work.learned_tokens * 3.0 * forward_flops(c, work.context_tokens / 2.0) / rates.flops +
         traffic / rates.bytes_per_second;
}

DevicePlan time_on(DevicePlan device, const ModelConfig& c, const ExperimentSpec& spec,
                   const Work& work, const Rates& rates, const PlanAssumptions& assumed) {
  const double count = double(device.device_count);
  device.sampling_seconds = sampling_seconds(c, spec, work, work.sampled_tokens,
                                             double(spec.task.tasks_per_step), rates, assumed) /
                            count;
  device.learning_seconds = learning_seconds(c, work, rates) / count;
  const double samples_per_task = std::max(1.0, double(spec.evaluation.samples_per_task));
  device.evaluation_seconds =
      sampling_seconds(c, spec, work, work.evaluation_sampled_tokens,
                       work.evaluation_samples / samples_per_task, rates, assumed) /
      count;
  // Sampler and learner share the same cores or devices, so their times add up.
  device.run_seconds =
      double(spec.budget.steps) * (device.sampling_seconds + device.learning_seconds) +
      device.evaluation_seconds;
  return device;
}

double sum_of(const std::vector<MemoryPart>& parts, bool is_sharded) {
  double bytes = 0.0;
  for (const MemoryPart& part : parts)
    if (part.is_sharded == is_sharded) bytes += part.bytes;
  return bytes;
}

DevicePlan plan_cpu(const ExperimentSpec& spec, const ModelConfig& c, const Work& work,
                    const std::vector<MemoryPart>& memory, const MachineFacts& machine,
                    const PlanAssumptions& assumed) {
  const double measured =
      work.is_bfloat16 ? machine.gemm_flops_bfloat16 : machine.gemm_flops_float32;
  const double per_core = !work.is_bfloat16           ? assumed_flops_float32_per_core
                          : machine.has_fast_bfloat16 ? assumed_flops_bfloat16_per_core
                                                      : assumed_flops_float32_per_core / 2;
  const double flops = measured > 0.0 ? measured : per_core * machine.cores;
  const double copy = machine.copy_bytes_per_second > 0.0 ? machine.copy_bytes_per_second
                                                          : assumed_copy_bytes_per_second;
  DevicePlan device{.device = fmt::format("this CPU ({} cores)", machine.cores),
                    .rates = fmt::format(
                        "{} GEMM {:.0f} GFLOPS ({}) x {:.0f} %, memory {:.0f} GB/s ({})",
                        work.is_bfloat16 ? "bfloat16" : "float32", flops / 1e9,
                        measured > 0.0 ? "measured" : "assumed", assumed.cpu_utilisation * 100,
                        copy / 1e9, machine.copy_bytes_per_second > 0.0 ? "measured" : "assumed"),
                    .memory_bytes_each = sum_of(memory, true) + sum_of(memory, false),
                    .memory_bytes_limit = machine.memory_available_bytes};
  device.fits = machine.memory_available_bytes <= 0.0 ||
                device.memory_bytes_each <= memory_share_usable * machine.memory_available_bytes;
  return time_on(device, c, spec, work, {flops * assumed.cpu_utilisation, copy, 0.0}, assumed);
}

// The fewest GPUs on which everything that divides (weights, gradients, optimiser, sequences)
// leaves room for what each device has whole.
DevicePlan plan_gpu(const Gpu& gpu, const ExperimentSpec& spec, const ModelConfig& c,
                    const Work& work, const std::vector<MemoryPart>& memory,
                    const PlanAssumptions& assumed) {
  const double room = memory_share_usable * gpu.memory_bytes - sum_of(memory, false);
  const double sharded = sum_of(memory, true);
  DevicePlan device{.device = std::string{gpu.name},
                    .rates = fmt::format("stated peak {:.0f} TFLOPS x {:.0f} %, memory {:.2f} TB/s",
                                         gpu.flops / 1e12, assumed.gpu_utilisation * 100,
                                         gpu.bytes_per_second / 1e12),
                    .memory_bytes_limit = gpu.memory_bytes,
                    .fits = room > 0.0};
  if (device.fits)
    device.device_count = static_cast<std::uint64_t>(std::max(1.0, std::ceil(sharded / room)));
  device.memory_bytes_each = sum_of(memory, false) + sharded / double(device.device_count);
  const double launches = double(c.layer_count) * assumed.kernels_per_layer;
  return time_on(device, c, spec, work,
                 {gpu.flops * assumed.gpu_utilisation, gpu.bytes_per_second,
                  launches * assumed.kernel_launch_seconds},
                 assumed);
}

ModelPlan plan_model(std::string name, const ExperimentSpec& spec, const ModelConfig& c,
                     const MachineFacts& machine, const PlanAssumptions& assumed) {
  const Work work = work_of(spec, machine, assumed);
  ModelPlan plan{.model = std::move(name),
                 .parameter_count = static_cast<std::int64_t>(parameters_of(c).total),
                 .memory = memory_of(spec, c, work)};
  // Snapshots hold weights and two moments; one more is being written before the oldest goes.
  plan.disk_bytes = 12.0 * parameters_of(c).total * (double(spec.snapshots.kept) + 1.0) +
                    (spec.publish.enabled ? 4.0 * parameters_of(c).total : 0.0) +
                    double(spec.budget.steps) * work.samples * work.context_tokens * 16.0;
  plan.devices.push_back(plan_cpu(spec, c, work, plan.memory, machine, assumed));
  Work on_gpu = work;  // every named GPU multiplies bfloat16 fast
  on_gpu.is_bfloat16 = spec.model.precision != PrecisionChoice::float32;
  on_gpu.bytes_per_number = on_gpu.is_bfloat16 ? 2.0 : 4.0;
  for (const Gpu& gpu : gpus)
    plan.devices.push_back(plan_gpu(gpu, spec, c, on_gpu, memory_of(spec, c, on_gpu), assumed));
  return plan;
}

void warn(Plan& plan, const ExperimentSpec& spec, const MachineFacts& machine) {
  const ModelPlan& chosen = plan.models.front();
  const DevicePlan& cpu = chosen.devices.front();
  if (!cpu.fits) {
    const auto largest = std::ranges::max_element(chosen.memory, {}, &MemoryPart::bytes);
    plan.warnings.push_back(fmt::format(
        "this will run out of memory: it needs {:.1f} GiB and {:.1f} GiB are free; the largest "
        "part "
        "is {} ({:.1f} GiB): lower compute.micro_batch_tokens, compute.sequences_max or "
        "model.context_length, or take a smaller model",
        cpu.memory_bytes_each / gib, cpu.memory_bytes_limit / gib, largest->name,
        largest->bytes / gib));
  }
  const double disk = std::max(chosen.disk_bytes, spec.budget.disk_gib_min * gib);
  if (machine.disk_free_bytes > 0.0 && machine.disk_free_bytes < disk)
    plan.warnings.push_back(
        fmt::format("the disk is too full: {:.1f} GiB are needed (snapshots, checkpoint, rollouts) "
                    "and {:.1f} GiB are free: free some, or lower snapshots.kept",
                    disk / gib, machine.disk_free_bytes / gib));
  if (spec.budget.minutes > 0.0 && cpu.run_seconds > spec.budget.minutes * 60.0)
    plan.warnings.push_back(
        fmt::format("the budget of {:g} minutes ends the run before its {} steps: about {:.0f} "
                    "minutes are expected",
                    spec.budget.minutes, spec.budget.steps, cpu.run_seconds / 60.0));
}

}  // namespace

const std::vector<KnownShape>& known_shapes() {
  static const std::vector<KnownShape> shapes = [] {
    const auto smollm2 = [](std::int64_t hidden, std::int64_t wide, std::int64_t layers,
                            std::int64_t heads, std::int64_t kv_heads) {
      return ModelConfig{.vocabulary_size = 49152,
                         .hidden_size = hidden,
                         .intermediate_size = wide,
                         .layer_count = layers,
                         .head_count = heads,
                         .kv_head_count = kv_heads,
                         .head_size = 64,
                         .context_length_max = 8192};
    };
    ModelConfig qwen{.architecture = "qwen2",
                     .vocabulary_size = 152064,
                     .hidden_size = 3584,
                     .intermediate_size = 18944,
                     .layer_count = 28,
                     .head_count = 28,
                     .kv_head_count = 4,
                     .head_size = 128,
                     .context_length_max = 32768};
    qwen.tied_embeddings = false;
    qwen.qkv_bias = true;
    ModelConfig qwen_large = qwen;
    qwen_large.hidden_size = 5120;
    qwen_large.intermediate_size = 13824;
    qwen_large.layer_count = 48;
    qwen_large.head_count = 40;
    qwen_large.kv_head_count = 8;
    return std::vector<KnownShape>{{"SmolLM2-135M", smollm2(576, 1536, 30, 9, 3)},
                                   {"SmolLM2-360M", smollm2(960, 2560, 32, 15, 5)},
                                   {"SmolLM2-1.7B", smollm2(2048, 8192, 24, 32, 32)},
                                   {"Qwen2.5-7B", qwen},
                                   {"Qwen2.5-14B", qwen_large}};
  }();
  return shapes;
}

Result<Plan> make_plan(const ExperimentSpec& spec, const ModelConfig& model,
                       const MachineFacts& machine, const PlanAssumptions& assumptions) {
  FLYWHEEL_TRY_VOID(check_against_model(spec, model));
  const Work work = work_of(spec, machine, assumptions);
  Plan plan{.experiment = spec.name,
            .precision = work.is_bfloat16 ? "bfloat16" : "float32",
            .steps = spec.budget.steps,
            .samples_per_step = static_cast<std::uint64_t>(work.samples),
            .samples_in_flight_max =
                static_cast<std::uint64_t>(work.samples) * (spec.staleness_max + 1ULL),
            .tokens_sampled_per_step = static_cast<std::uint64_t>(work.sampled_tokens),
            .tokens_learned_per_step = static_cast<std::uint64_t>(work.learned_tokens),
            .evaluation_samples = static_cast<std::uint64_t>(work.evaluation_samples),
            .assumptions = assumptions};
  const std::string name = std::filesystem::path{spec.model.path}.filename().string();
  plan.models.push_back(plan_model(name, spec, model, machine, assumptions));
  for (const KnownShape& next : known_shapes()) {
    const bool is_larger = parameters_of(next.config).total > 1.1 * parameters_of(model).total;
    if (!is_larger || plan.models.size() == 3) continue;
    ExperimentSpec larger = spec;  // as the chosen one, where the next size has room for it
    larger.model.context_length = std::min(
        spec.model.context_length, static_cast<std::uint32_t>(next.config.context_length_max));
    plan.models.push_back(
        plan_model(std::string{next.name}, larger, next.config, machine, assumptions));
  }
  warn(plan, spec, machine);
  return plan;
}

}  // namespace flywheel
