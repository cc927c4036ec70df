// flywheel report: the HTML report of a run, from what is stored.
#include <memory>

#include "actors/commands/command.hpp"
#include "actors/commands/print.hpp"
#include "actors/commands/run_report.hpp"
#include "actors/commands/run_summary.hpp"
#include "actors/commands/workspace_client.hpp"
#include "runtime/learning/algorithm.hpp"

namespace flywheel {
namespace {

Result<int> execute(const GlobalOptions& options, const std::string& name) {
  FLYWHEEL_TRY(auto client, WorkspaceClient::open(options.home));
  FLYWHEEL_TRY(const auto id, resolve_run(client, name));
  FLYWHEEL_TRY(const Json run, client.get("/v1/runs/" + id));
  FLYWHEEL_TRY(const auto spec,
               parse_experiment_spec(run["spec"], "the stored spec", algorithm_table()));
  FLYWHEEL_TRY(const auto summary, read_summary(client, id, spec));
  FLYWHEEL_TRY(const auto checkpoint, checkpoint_folder_of(client, id));
  FLYWHEEL_TRY(const auto path, write_run_report(options.home, summary, checkpoint));
  if (options.json)
    print_json(Json{{"run", id},
                    {"report", path},
                    {"checkpoint", checkpoint},
                    {"gates_passed", summary.gates_passed()}});
  else
    print(summary_text(summary) + "\nreport  " + path + "\n");
  return exit_done;
}

}  // namespace

Command add_report(CLI::App& program, const GlobalOptions& options) {
  CLI::App* app = add_subcommand(program, "report", "Write and show the report of a run.",
                                 "flywheel report last");
  auto run = std::make_shared<std::string>("last");
  app->add_option("run", *run, "The run's id, or `last`")->capture_default_str();
  return {app, [&options, run] { return execute(options, *run); }};
}

}  // namespace flywheel
