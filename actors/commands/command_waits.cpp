// flywheel waits: who waits for what, since when, until when, and what would release it.
#include <fmt/format.h>

#include "actors/commands/command.hpp"
#include "actors/commands/print.hpp"
#include "actors/commands/table.hpp"
#include "actors/commands/workspace_client.hpp"

namespace flywheel {
namespace {

Result<int> execute(const GlobalOptions& options) {
  FLYWHEEL_TRY(auto client, WorkspaceClient::open(options.home));
  FLYWHEEL_TRY(const Json waits, client.get("/v1/waits"));
  if (options.json) {
    print_json(waits);
    return exit_done;
  }
  if (waits["waits"].empty()) {
    print(client.has_owner() ? "nobody waits\n" : "nobody waits: no process owns this workspace\n");
    return exit_done;
  }
  Table table{{{"who"}, {"waits for"}, {"since", true}, {"at most", true}, {"released by"}}, {}};
  for (const Json& wait : waits["waits"])
    table.rows.push_back({wait["owner"], wait["what"], duration_text(wait["waited_seconds"]),
                          duration_text(wait["seconds_left"]), wait["released_by"]});
  print(table_text(table));
  return exit_done;
}

}  // namespace

Command add_waits(CLI::App& program, const GlobalOptions& options) {
  CLI::App* app = add_subcommand(
      program, "waits", "List every outstanding wait of the process that owns the workspace.",
      "flywheel waits");
  return {app, [&options] { return execute(options); }};
}

}  // namespace flywheel
