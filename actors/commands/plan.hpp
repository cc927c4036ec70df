// Plan says what a run will need before anything is taken: samples, tokens, memory, devices, hours.
//
//   ExperimentSpec + ModelConfig + MachineFacts ──make_plan──▶ Plan ──▶ text or JSON
//
// Every figure comes with its formula and with what it assumes; measured rates are told apart from
// assumed ones. The same is said for the next two model sizes, so that a reader sees what growth
// costs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "actors/config.hpp"
#include "runtime/base/json.hpp"

namespace flywheel {

// What is known of the machine that plans. Rates of 0 are replaced by assumed ones, and said to be.
struct MachineFacts {
  std::string cpu{};
  int cores = 1;
  bool has_fast_bfloat16 = false;
  double memory_available_bytes = 0.0;
  double disk_free_bytes = 0.0;
  double gemm_flops_float32 = 0.0;  // measured, floating-point operations a second, all cores
  double gemm_flops_bfloat16 = 0.0;
  double copy_bytes_per_second = 0.0;  // measured, read plus written
};

// What a plan can't know; printed with it.
struct PlanAssumptions {
  double prompt_tokens = 48.0;   // of a task's first prompt, chat template included
  double turns = 1.4;            // assistant turns a conversation
  double cpu_utilisation = 0.6;  // share of the GEMM rate that a whole step reaches
  double gpu_utilisation = 0.4;  // share of the stated peak
  double kernel_launch_seconds = 4e-6;
  double kernels_per_layer = 12.0;
};

struct MemoryPart {
  std::string name{};
  std::string formula{};
  double bytes = 0.0;
  bool is_sharded = false;  // divides among devices
};

// One kind of device under one model.
struct DevicePlan {
  std::string device{};
  std::string rates{};             // what the time rests on
  std::uint64_t device_count = 1;  // fewest that hold it
  double memory_bytes_each = 0.0;
  double memory_bytes_limit = 0.0;
  bool fits = true;                 // on one machine's devices
  double sampling_seconds = 0.0;    // a step
  double learning_seconds = 0.0;    // a step
  double evaluation_seconds = 0.0;  // all evaluations of the run
  double run_seconds = 0.0;
};

struct ModelPlan {
  std::string model{};
  std::int64_t parameter_count = 0;
  std::vector<MemoryPart> memory{};
  double disk_bytes = 0.0;
  std::vector<DevicePlan> devices{};  // this CPU first
};

struct Plan {
  std::string experiment{};
  std::string precision{};
  std::uint64_t steps = 0;
  std::uint64_t samples_per_step = 0;
  std::uint64_t samples_in_flight_max = 0;    // bounded by staleness_max
  std::uint64_t tokens_sampled_per_step = 0;  // at most
  std::uint64_t tokens_learned_per_step = 0;  // at most; computed, prompts counted once a group
  std::uint64_t evaluation_samples = 0;       // of the whole run
  PlanAssumptions assumptions{};
  std::vector<ModelPlan> models{};      // the chosen one first, then the next two sizes
  std::vector<std::string> warnings{};  // predicted out-of-memory, too little disk, ...

  bool fits() const { return models.front().devices.front().fits; }
};

// Refuses (invalid_input) what check_against_model refuses.
Result<Plan> make_plan(const ExperimentSpec& spec, const ModelConfig& model,
                       const MachineFacts& machine, const PlanAssumptions& assumptions = {});

std::string plan_text(const Plan& plan);
OrderedJson plan_json(const Plan& plan);

// Published shapes, smallest first: what a plan knows without the model's file.
struct KnownShape {
  std::string_view name;
  ModelConfig config;
};
const std::vector<KnownShape>& known_shapes();

}  // namespace flywheel
