// flywheel eval: measures a checkpoint on the held-out tasks of a spec.
#include <memory>

#include <fmt/format.h>

#include "actors/checkpoint_evaluation.hpp"
#include "actors/commands/command.hpp"
#include "actors/commands/print.hpp"
#include "actors/commands/table.hpp"
#include "actors/evaluation_figures.hpp"
#include "actors/model_location.hpp"
#include "runtime/learning/algorithm.hpp"

namespace flywheel {
namespace {

struct Options {
  std::string checkpoint{};
  std::string spec = "experiments/structured_requests/derisk.yaml";
  std::uint32_t tasks = 0;
  std::uint32_t samples = 0;
};

Result<int> execute(const GlobalOptions& global, const Options& options) {
  FLYWHEEL_TRY(const auto spec, load_experiment_spec(options.spec, algorithm_table()));
  FLYWHEEL_TRY(const auto checkpoint, load_named_checkpoint(options.checkpoint));
  const auto samples = options.samples ? options.samples : spec.evaluation.samples_per_task;
  FLYWHEEL_TRY(const auto evaluation,
               evaluate_checkpoint(checkpoint, spec, options.tasks, samples));
  const auto figures = evaluation_figures(evaluation);
  if (global.json) {
    Json json{{"checkpoint", options.checkpoint},
              {"seconds", evaluation.seconds},
              {"conversations", evaluation.rollouts.size()},
              {"broken", evaluation.broken_count},
              {"weights", to_string(content_hash(checkpoint.weights))}};
    for (const auto& [name, measured] : figures)
      json["figures"][name] = {{"value", measured.value},
                               {"low", measured.low},
                               {"high", measured.high},
                               {"count", measured.count}};
    print_json(json);
    return exit_done;
  }
  Table table{{{"figure"}, {"share, 95 % interval", true}, {"samples", true}}, {}};
  for (const auto& [name, measured] : figures)
    table.rows.push_back({name, measured_text(measured), std::to_string(measured.count)});
  print(table_text(table));
  print(fmt::format("{} conversations in {}, {} broke\n", evaluation.rollouts.size(),
                    duration_text(evaluation.seconds), evaluation.broken_count));
  return exit_done;
}

}  // namespace

Command add_eval(CLI::App& program, const GlobalOptions& global) {
  CLI::App* app =
      add_subcommand(program, "eval", "Measure a checkpoint on the held-out tasks of a spec.",
                     "flywheel eval smollm2-135m-instruct --tasks 50 --samples 1");
  auto options = std::make_shared<Options>();
  app->add_option("checkpoint", options->checkpoint,
                  "A Hugging Face folder, a .gguf file, or a model's name")
      ->required();
  app->add_option("--spec", options->spec, "Whose tasks and sampling")->capture_default_str();
  app->add_option("--tasks", options->tasks, "Held-out tasks; 0 = all, and the hand-written ones")
      ->capture_default_str();
  app->add_option("--samples", options->samples,
                  "Samples a task; 0 = as the spec says; 2 or more give pass@k")
      ->capture_default_str();
  return {app, [&global, options] { return execute(global, *options); }};
}

}  // namespace flywheel
