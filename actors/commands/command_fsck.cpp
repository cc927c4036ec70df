// flywheel fsck: checks every invariant over a workspace and changes nothing.
#include <memory>

#include <fmt/format.h>

#include "actors/commands/command.hpp"
#include "actors/commands/print.hpp"
#include "actors/node.hpp"
#include "storage/fsck.hpp"

namespace flywheel {
namespace {

Json report_json(const FsckReport& report) {
  Json states = Json::object();
  for (std::size_t i = 0; i < report.rollouts.size(); ++i)
    states[to_string(static_cast<RolloutState>(i))] = report.rollouts[i];
  return Json{{"clean", report.is_clean()},
              {"findings", report.findings},
              {"finding_count", report.finding_count},
              {"records", report.record_count},
              {"runs", report.run_count},
              {"rollouts", std::move(states)},
              {"lost", report.lost_count},
              {"twice", report.twice_count}};
}

Result<int> execute(const GlobalOptions& options, bool skips_files) {
  FLYWHEEL_TRY(auto node, Node::open({.home = options.home,
                                      .free_bytes_min = 0,
                                      .creates_home = false,
                                      .runs_actors = false}));
  const auto& workspace = *node->services().workspace;
  FLYWHEEL_TRY(const auto report,
               check_store(workspace.store(), options.home, {.verify_files = !skips_files}));
  if (options.json) {
    print_json(report_json(report));
  } else {
    for (const auto& finding : report.findings) print(finding + "\n");
    print(fmt::format("{}: {} runs, {} records, {} lost, {} twice, {} findings\n",
                      report.is_clean() ? "clean" : "NOT clean", report.run_count,
                      report.record_count, report.lost_count, report.twice_count,
                      report.finding_count));
  }
  return report.is_clean() ? exit_done : exit_failed;
}

}  // namespace

Command add_fsck(CLI::App& program, const GlobalOptions& options) {
  CLI::App* app = add_subcommand(
      program, "fsck",
      "Check every invariant over what is stored; needs the workspace without an owner.",
      "flywheel fsck");
  auto skips_files = std::make_shared<bool>(false);
  app->add_flag("--no-files", *skips_files,
                "Do not read snapshots and checkpoints to compare their hashes");
  return {app, [&options, skips_files] { return execute(options, *skips_files); }};
}

}  // namespace flywheel
