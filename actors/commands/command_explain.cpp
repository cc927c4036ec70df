// flywheel explain: the exact formula that a spec learns by.
#include <memory>

#include <fmt/format.h>

#include "actors/commands/command.hpp"
#include "actors/commands/print.hpp"
#include "actors/config.hpp"
#include "actors/config_keys.hpp"

namespace flywheel {
namespace {

Result<int> execute(const GlobalOptions& options, const std::string& what) {
  if (what.empty()) {
    Json presets = Json::array();
    for (const AlgorithmPreset& preset : algorithm_table()) {
      presets.push_back(
          {{"name", preset.name}, {"formula", preset.formula}, {"source", preset.source}});
      if (!options.json)
        print(fmt::format("{}\n    {}\n    {}\n", preset.name, preset.formula, preset.source));
    }
    if (!options.json)
      print(
          "Where a formula clips: a batch has one optimiser step, so r, s and u are 1 and nothing "
          "is clipped.\n");
    if (options.json) print_json(Json{{"presets", std::move(presets)}});
    return exit_done;
  }
  if (what == "keys") {
    if (options.json)
      print_json(experiment_keys_json());
    else
      print(experiment_keys_text());
    return exit_done;
  }
  FLYWHEEL_TRY(const auto spec, load_experiment_spec(what, algorithm_table()));
  const std::string formula = explain(spec.trainer.algorithm);
  if (options.json)
    print_json(Json{{"preset", spec.algorithm_preset}, {"formula", formula}});
  else
    print(formula + "\n");
  return exit_done;
}

}  // namespace

Command add_explain(CLI::App& program, const GlobalOptions& options) {
  CLI::App* app = add_subcommand(program, "explain",
                                 "Print the formula that a spec learns by, all named formulas, or "
                                 "(`explain keys`) every key of a spec.",
                                 "flywheel explain experiments/structured_requests/derisk.yaml");
  auto what = std::make_shared<std::string>();
  app->add_option("spec", *what,
                  "A spec's path, or `keys`; without it: the table of named formulas");
  return {app, [&options, what] { return execute(options, *what); }};
}

}  // namespace flywheel
