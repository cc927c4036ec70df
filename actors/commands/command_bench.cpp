// flywheel bench: measures one thing the code exists for, beside the machine's limit from the same
// run.
#include <memory>

#include "actors/commands/bench.hpp"
#include "actors/commands/bench_cases.hpp"
#include "actors/commands/command.hpp"
#include "actors/commands/print.hpp"

namespace flywheel {
namespace {

struct Options {
  std::string name{};
  std::string model = "smollm2-135m-instruct";
  bool thorough = false;
};

Result<int> execute(const GlobalOptions& global, const Options& options) {
  FLYWHEEL_TRY(const auto report, run_bench(options.name, options.model, options.thorough));
  print(global.json ? bench_json(report).dump(2) + "\n" : bench_text(report));
  return exit_done;
}

}  // namespace

Command add_bench(CLI::App& program, const GlobalOptions& global) {
  CLI::App* app = add_subcommand(
      program, "bench",
      "Measure one thing, beside the hardware's limit from the same run; ends within 60 s.",
      "flywheel bench step --json");
  auto options = std::make_shared<Options>();
  std::string names;
  for (const BenchCase& each : bench_cases())
    names +=
        (names.empty() ? "" : "; ") + std::string{each.name} + ": " + std::string{each.measures};
  app->add_option("name", options->name, names)->required();
  app->add_option("--model", options->model, "The model that is measured")->capture_default_str();
  app->add_flag("--thorough", options->thorough, "Take longer, for steadier figures");
  return {app, [&global, options] { return execute(global, *options); }};
}

}  // namespace flywheel
