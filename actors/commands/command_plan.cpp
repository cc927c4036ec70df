// flywheel plan: what an experiment will need, before anything is taken.
#include <memory>

#include "actors/commands/command.hpp"
#include "actors/commands/doctor.hpp"
#include "actors/commands/plan.hpp"
#include "actors/commands/print.hpp"
#include "actors/config_keys.hpp"
#include "actors/model_location.hpp"
#include "runtime/learning/machine_rates.hpp"

namespace flywheel {
namespace {

Result<int> execute(const GlobalOptions& options, const std::string& path, bool shows_keys) {
  if (shows_keys) {
    if (options.json)
      print_json(experiment_keys_json());
    else
      print(experiment_keys_text());
    return exit_done;
  }
  if (path.empty()) return fail(Failure::invalid_argument, "plan: give a spec's path, or --keys");
  FLYWHEEL_TRY(const auto spec, load_experiment_spec(path, algorithm_table()));
  FLYWHEEL_TRY(const auto checkpoint, load_named_checkpoint(spec.model.path));
  MachineFacts facts = machine_facts(options.home);
  const auto rates = measure_machine_rates(checkpoint.config);
  facts.gemm_flops_float32 = rates.gemm_flops_float32;
  facts.gemm_flops_bfloat16 = rates.gemm_flops_bfloat16;
  FLYWHEEL_TRY(const auto plan, make_plan(spec, checkpoint.config, facts));
  print(options.json ? plan_json(plan).dump(2) + "\n" : plan_text(plan));
  return exit_done;
}

}  // namespace

Command add_plan(CLI::App& program, const GlobalOptions& options) {
  CLI::App* app = add_subcommand(
      program, "plan",
      "Say what an experiment needs: memory, devices, tokens, hours, with the formulas.",
      "flywheel plan experiments/structured_requests/derisk.yaml");
  auto path = std::make_shared<std::string>();
  app->add_option("spec", *path, "The experiment's YAML file");
  auto shows_keys = std::make_shared<bool>(false);
  app->add_flag("--keys", *shows_keys,
                "Print every key of a spec with type, unit, default and meaning");
  return {app, [&options, path, shows_keys] { return execute(options, *path, *shows_keys); }};
}

}  // namespace flywheel
