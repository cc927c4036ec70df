// flywheel runs: the runs of a workspace.
#include <memory>

#include "actors/commands/command.hpp"
#include "actors/commands/print.hpp"
#include "actors/commands/table.hpp"
#include "actors/commands/workspace_client.hpp"

namespace flywheel {
namespace {

Result<int> execute(const GlobalOptions& options) {
  FLYWHEEL_TRY(auto client, WorkspaceClient::open(options.home));
  FLYWHEEL_TRY(const Json runs, client.get("/v1/runs"));
  if (options.json) {
    print_json(runs);
    return exit_done;
  }
  Table table{{{"run"}, {"name"}, {"status"}, {"step", true}, {"seed", true}}, {}};
  for (const Json& run : runs["runs"])
    table.rows.push_back(
        {run["id"], run["name"],
         run["is_live"].get<bool>() ? "running now" : run["status"].get<std::string>(),
         std::to_string(run["last_step"].get<std::uint64_t>()),
         std::to_string(run["seed"].get<std::uint64_t>())});
  print(table_text(table));
  return exit_done;
}

}  // namespace

Command add_runs(CLI::App& program, const GlobalOptions& options) {
  CLI::App* app = add_subcommand(program, "runs", "List the runs of a workspace.", "flywheel runs");
  return {app, [&options] { return execute(options); }};
}

}  // namespace flywheel
