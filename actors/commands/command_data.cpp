// flywheel data show: the conversations of a run.
#include <memory>

#include <fmt/format.h>

#include "actors/commands/command.hpp"
#include "actors/commands/conversation_view.hpp"
#include "actors/commands/print.hpp"
#include "actors/commands/table.hpp"
#include "actors/commands/workspace_client.hpp"
#include "runtime/net/http_message.hpp"

namespace flywheel {
namespace {

struct Options {
  std::string run = "last";
  std::string state{};
  std::size_t limit = 5;
};

std::string conversation_text(const Json& rollout) {
  const Json& verdict = rollout["verdict"];
  std::string text =
      fmt::format("--- rollout {} ({}, {}{})\n", rollout["index"].get<std::uint64_t>(),
                  rollout["state"].get<std::string>(), verdict["status"].get<std::string>(),
                  rollout["step"].get<std::uint64_t>() > 0
                      ? fmt::format(", step {}", rollout["step"].get<std::uint64_t>())
                      : "");
  for (const TranscriptMessage& message : messages_of(rollout)) {
    text += printable(message.role) + ":\n";
    for (const auto& line : wrap_text(message.text, terminal_columns() - 2))
      text += "  " + line + "\n";
  }
  for (const Json& turn : verdict["turns"])
    for (const Json& component : turn["components"])
      text += fmt::format("  turn {} {}: {:.2f}\n", turn["turn"].get<int>(),
                          component["name"].get<std::string>(), component["value"].get<double>());
  return text;
}

Result<int> show(const GlobalOptions& global, const Options& options) {
  FLYWHEEL_TRY(auto client, WorkspaceClient::open(global.home));
  FLYWHEEL_TRY(const auto id, resolve_run(client, options.run));
  std::string target = fmt::format("/v1/runs/{}/rollouts?limit={}", id, options.limit);
  if (!options.state.empty()) target += "&state=" + encode_percent(options.state);
  FLYWHEEL_TRY(const Json rollouts, client.get(target));
  if (global.json) {
    print_json(rollouts);
    return exit_done;
  }
  for (const Json& rollout : rollouts["rollouts"]) print(conversation_text(rollout) + "\n");
  if (rollouts["rollouts"].empty()) print("no such rollouts\n");
  return exit_done;
}

}  // namespace

Command add_data(CLI::App& program, const GlobalOptions& global) {
  CLI::App* app = add_subcommand(program, "data", "Look at stored conversations.",
                                 "flywheel data show last --state consumed --limit 3");
  CLI::App* show_app =
      app->add_subcommand("show", "Print conversations of a run with their verdicts.");
  app->require_subcommand(1);
  auto options = std::make_shared<Options>();
  show_app->add_option("run", options->run, "The run's id, or `last`")->capture_default_str();
  show_app->add_option("--state", options->state,
                       "planned, running, finished, graded, leased, consumed or discarded");
  show_app->add_option("--limit", options->limit, "At most so many conversations")
      ->capture_default_str();
  return {app, [&global, options] { return show(global, *options); }};
}

}  // namespace flywheel
