// flywheel status: where a run stands.
#include <memory>

#include <fmt/format.h>

#include "actors/commands/command.hpp"
#include "actors/commands/print.hpp"
#include "actors/commands/progress.hpp"
#include "actors/commands/workspace_client.hpp"

namespace flywheel {
namespace {

Result<int> execute(const GlobalOptions& options, const std::string& name) {
  FLYWHEEL_TRY(auto client, WorkspaceClient::open(options.home));
  FLYWHEEL_TRY(const auto id, resolve_run(client, name));
  FLYWHEEL_TRY(const Json run, client.get("/v1/runs/" + id));
  if (options.json) {
    print_json(run);
    return exit_done;
  }
  const bool is_live = run["is_live"];
  print(fmt::format("{}  {}  {}, step {}\n", id, run["name"].get<std::string>(),
                    is_live ? "running now" : run["status"].get<std::string>(),
                    run["last_step"].get<std::uint64_t>()));
  if (run.contains("progress")) print(progress_line(progress_from_json(run["progress"])) + "\n");
  for (const auto& [state, count] : run["rollouts"].items())
    if (count.get<std::uint64_t>() > 0)
      print(fmt::format("  {:<10} {} rollouts\n", state, count.get<std::uint64_t>()));
  if (!is_live && run["status"] != "finished")
    print(fmt::format("go on with: flywheel run --resume {}\n", id));
  return exit_done;
}

}  // namespace

Command add_status(CLI::App& program, const GlobalOptions& options) {
  CLI::App* app =
      add_subcommand(program, "status", "Say where a run stands.", "flywheel status last");
  auto run = std::make_shared<std::string>("last");
  app->add_option("run", *run, "The run's id, or `last`")->capture_default_str();
  return {app, [&options, run] { return execute(options, *run); }};
}

}  // namespace flywheel
