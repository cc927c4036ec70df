// ExperimentSpec is one experiment as its YAML file states it, read, checked and written here.
//
//   spec.yaml ──load_experiment_spec──▶ ExperimentSpec ──resolved_spec_text──▶ the run's folder
//
// Guarantees: every key has one row in experiment_keys(), which the loader, the writer and `--help`
//             share; an unknown key, a wrong type or an impossible number is one line with file,
//             line and remedy; a resolved spec is complete and loads to the same struct. The
//             environment is never read.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/json.hpp"
#include "runtime/base/result.hpp"
#include "runtime/inference/engine.hpp"
#include "runtime/learning/trainer.hpp"
#include "runtime/model/model_config.hpp"
#include "runtime/tools/tools_spec.hpp"

namespace flywheel {

enum class PrecisionChoice : std::uint8_t { automatic = 0, float32 = 1, bfloat16 = 2 };

struct TaskSpec {
  std::string family{};                // a name in the task registry
  Json parameters = Json::object();    // the family's own
  std::uint32_t tasks_per_step = 8;    // groups in one optimiser step
  std::uint32_t samples_per_task = 8;  // conversations a group
};

struct ModelSpec {
  std::string path = "tiny";  // a name of named_models(), a Hugging Face folder or a .gguf file
  PrecisionChoice precision = PrecisionChoice::automatic;
  std::uint32_t context_length = 512;  // tokens a conversation may have
};

struct DataSpec {
  std::uint32_t train_tasks = 1000;
  std::uint32_t held_out_tasks = 200;
  std::string hand_written{};  // a JSONL file of tasks; empty = none
};

struct ComputeSpec {
  std::uint32_t threads = 0;   // 0 = all cores
  std::uint32_t samplers = 1;  // Sampler actors, each with an engine of its own
  std::uint32_t sequences_max = 64;
  std::uint32_t prefill_tokens_max = 2048;
};

struct BudgetSpec {
  std::uint64_t steps = 20;  // optimiser steps
  double minutes = 0.0;  // 0 = no limit; the run ends in good order after the step that passes it
  double disk_gib_min = 4.0;  // free space that a run needs to start
};

struct EvaluationSpec {
  std::uint64_t every_steps = 0;       // 0 = only before and after
  std::uint32_t samples_per_task = 2;  // k, before and after
  std::uint32_t tasks_during = 50;     // held-out tasks of an evaluation between steps
  double temperature = 1.0;
};

struct GateSpec {
  double pass_rate_before_min = 0.0;  // first-turn, held-out
  double pass_rate_before_max = 1.0;
  double pass_rate_after_min = 0.0;
  double guard_fall_max = 1.0;  // of the mean of a guard component, before minus after
};

struct SnapshotSpec {
  std::uint64_t every_steps = 5;
  std::uint32_t kept = 2;
};

struct PublishSpec {
  bool enabled = true;  // write the trained checkpoint as a Hugging Face folder
  PrecisionChoice precision = PrecisionChoice::bfloat16;  // of its tensors; automatic = the run's
};

inline constexpr double importance_cap_default = 2.0;

struct ExperimentSpec {
  std::uint32_t format = 1;  // of the spec file
  std::string name{};        // of the run's kind; the file's name without .yaml unless stated
  std::string goal{};
  std::string scenario{};
  std::uint64_t seed = 1;
  bool deterministic = false;
  std::uint32_t staleness_max = 1;  // policy versions a trained token may be behind; 0 = on policy
  TaskSpec task{};
  ModelSpec model{};
  DataSpec data{};
  std::string algorithm_preset{};  // what trainer.algorithm started from; empty = the defaults
  // Keys algorithm.*, learning.* and compute.micro_batch_tokens. A run samples ahead of its
  // learner, so by default tokens of older weights are weighted by min(pi / mu, 2) (algorithm.hpp).
  TrainerConfig trainer{.algorithm = {.importance_cap = importance_cap_default}};
  SamplingParameters sampling{};
  ToolsSpec tools{};
  ComputeSpec compute{};
  BudgetSpec budget{};
  EvaluationSpec evaluation{};
  GateSpec gates{};
  SnapshotSpec snapshots{};
  PublishSpec publish{};
};

// Model names that a spec may use instead of a path.
std::span<const std::string_view> named_models();

// Relative paths in the file are taken from the file's folder. `presets` is algorithm_table().
Result<ExperimentSpec> load_experiment_spec(const std::string& path,
                                            std::span<const AlgorithmPreset> presets);
// The same from text; `where` stands for the file's path.
Result<ExperimentSpec> parse_experiment_spec(const std::string& text, const std::string& where,
                                             std::span<const AlgorithmPreset> presets);

// What can be checked only once the model is known: the context fits, a turn fits the context.
Result<> check_against_model(const ExperimentSpec& spec, const ModelConfig& model);

// Every key with its value, meaning and unit.
std::string resolved_spec_text(const ExperimentSpec& spec);

// What the parts are given; `precision` is the one that model.precision came down to.
TrainerConfig trainer_config_of(const ExperimentSpec& spec, Precision precision);
EngineConfig engine_config_of(const ExperimentSpec& spec, Precision precision);

}  // namespace flywheel
