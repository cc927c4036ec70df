// flywheel run: plans, runs or goes on with an experiment, shows it live, and ends with what came
// out.
#include <chrono>
#include <memory>
#include <thread>

#include <fmt/format.h>

#include "actors/commands/command.hpp"
#include "actors/commands/doctor.hpp"
#include "actors/commands/plan.hpp"
#include "actors/commands/print.hpp"
#include "actors/commands/run_follower.hpp"
#include "actors/commands/run_report.hpp"
#include "actors/commands/run_summary.hpp"
#include "actors/commands/workspace_client.hpp"
#include "actors/model_location.hpp"
#include "actors/node.hpp"
#include "runtime/base/log.hpp"
#include "runtime/learning/machine_rates.hpp"

namespace flywheel {
namespace {

constexpr std::chrono::milliseconds starting_poll{20};
constexpr int open_attempts_max = 10;

struct Options {
  GlobalOptions global{};
  std::string spec_path{};
  std::string resume{};
  std::optional<std::uint64_t> seed{};
  std::optional<std::uint64_t> steps{};
};

Result<ExperimentSpec> load_spec(const Options& options) {
  FLYWHEEL_TRY(auto spec, load_experiment_spec(options.spec_path, algorithm_table()));
  if (options.seed) spec.seed = *options.seed;
  if (options.steps) spec.budget.steps = *options.steps;
  return spec;
}

Result<> show_plan(const Options& options, const ExperimentSpec& spec, const ModelConfig& model) {
  MachineFacts facts = machine_facts(options.global.home);
  const auto rates = measure_machine_rates(model);
  facts.gemm_flops_float32 = rates.gemm_flops_float32;
  facts.gemm_flops_bfloat16 = rates.gemm_flops_bfloat16;
  FLYWHEEL_TRY(const auto plan, make_plan(spec, model, facts));
  print(options.global.json ? plan_json(plan).dump() + "\n" : plan_text(plan) + "\n");
  return {};
}

// The last line of `--json`, whatever the end.
void print_ended(const RunEnd& end, const Json& more = Json::object()) {
  Json json{{"event", "ended"},
            {"run", end.run},
            {"status", end.status},
            {"reason", end.reason},
            {"checkpoint", end.checkpoint}};
  json.update(more);
  print(dump_json(json) + "\n");
}

// How a run that did not finish is told; returns the exit code.
Result<int> conclude_unfinished(const Options& options, const RunEnd& end) {
  if (options.global.json) print_ended(end);
  if (end.status != "interrupted")
    return fail(Failure::unavailable,
                fmt::format("{} failed: {}; `flywheel run --resume {}` goes on", end.run,
                            end.reason, end.run));
  if (!options.global.json)
    print(fmt::format("{}: {}\nGo on with: flywheel run --resume {}\n", end.run,
                      end.reason.empty() ? "interrupted" : end.reason, end.run));
  return exit_interrupted;
}

// The tables, the report, and the next command; returns the exit code.
Result<int> conclude(const Options& options, WorkspaceClient& client, const RunEnd& end) {
  if (end.status != "finished") return conclude_unfinished(options, end);
  FLYWHEEL_TRY(const Json run, client.get("/v1/runs/" + end.run));
  FLYWHEEL_TRY(const auto spec,
               parse_experiment_spec(run["spec"], "the stored spec", algorithm_table()));
  FLYWHEEL_TRY(const auto summary, read_summary(client, end.run, spec));
  FLYWHEEL_TRY(const auto report, write_run_report(options.global.home, summary, end.checkpoint));
  if (options.global.json) {
    print_ended(end, {{"report", report}, {"gates_passed", summary.gates_passed()}});
  } else {
    print("\n" + summary_text(summary));
    print(fmt::format("\nreport      {}\n", report));
    if (!end.checkpoint.empty()) {
      print(fmt::format("checkpoint  {}\n", end.checkpoint));
      print(
          fmt::format("next        flywheel try {} \"List exactly three fruits, nothing else.\"\n",
                      end.checkpoint));
    }
  }
  return summary.gates_passed() ? exit_done : exit_failed;
}

// Runs that others start here, now or meanwhile, go on until they are through.
void follow_the_others(Node& node, bool json) {
  while (!node.close_when_idle()) {
    for (const auto& other : node.hosts())
      if (!other->has_ended()) follow(*other, json);
    std::this_thread::sleep_for(starting_poll);  // for one that is being loaded
  }
}

Result<int> run_here(const Options& options, Node& node) {
  std::shared_ptr<RunHost> host;
  if (options.resume.empty()) {
    FLYWHEEL_TRY(auto spec, load_spec(options));
    FLYWHEEL_TRY(auto checkpoint, load_named_checkpoint(spec.model.path));
    FLYWHEEL_TRY_VOID(show_plan(options, spec, checkpoint.config));
    FLYWHEEL_TRY(host, node.submit(std::move(spec), std::move(checkpoint)));
  } else {
    auto reader = WorkspaceClient::of(node);
    FLYWHEEL_TRY(const auto id, resolve_run(reader, options.resume));
    FLYWHEEL_TRY(host, node.resume(*parse_id<RunId>(id)));
  }
  const auto log_path = node.services().workspace->run_folder(host->run()) / "log";
  FLYWHEEL_TRY_VOID(log_to_file(log_path.string()));
  const RunEnd end = follow(*host, options.global.json);
  auto client = WorkspaceClient::of(node);
  auto code = conclude(options, client, end);
  follow_the_others(node, options.global.json);
  return code;
}

Result<int> run_at_owner(const Options& options) {
  FLYWHEEL_TRY(auto client, WorkspaceClient::open(options.global.home));
  if (!client.has_owner())
    return fail(Failure::unavailable, "the owner of the workspace " + options.global.home +
                                          " has just gone away: run it again");
  Json body;
  if (options.resume.empty()) {
    FLYWHEEL_TRY(const auto spec, load_spec(options));
    body = {{"spec", resolved_spec_text(spec)}, {"where", options.spec_path}};
  } else {
    FLYWHEEL_TRY(const auto id, resolve_run(client, options.resume));
    body = {{"resume", id}};
  }
  FLYWHEEL_TRY(const Json started, client.post("/v1/runs", body));
  FLYWHEEL_TRY(const auto end,
               follow_at_owner(client, options.global.home, started["id"], options.global.json));
  return conclude(options, client, end);
}

Result<int> execute(const Options& options) {
  if (options.spec_path.empty() == options.resume.empty())
    return fail(Failure::invalid_argument,
                "run: give a spec's path, or --resume RUN, one of the two");
  stop_runs_on_signals();
  // Asked here too, before a workspace is made; what a stored run needs is asked when it is loaded.
  std::uint64_t free_bytes_min = 0;
  if (options.resume.empty()) {
    FLYWHEEL_TRY(const auto spec, load_spec(options));
    free_bytes_min = free_bytes_needed(spec);
  }
  for (int attempt = 1;; ++attempt) {
    if (wait_for_owner(options.global.home)) return run_at_owner(options);
    auto node = Node::open({.home = options.global.home,
                            .free_bytes_min = free_bytes_min,
                            .creates_home = options.resume.empty()});
    if (node) return run_here(options, **node);
    // Someone else was quicker: an owner to hand it to, or a reader that is gone in a moment.
    if (node.error().failure != Failure::already_exists || attempt == open_attempts_max)
      return fail(node.error());
  }
}

}  // namespace

Command add_run(CLI::App& program, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  CLI::App* app = add_subcommand(program, "run", "Run an experiment, or go on with one.",
                                 "flywheel run experiments/structured_requests/derisk.yaml");
  app->add_option("spec", options->spec_path, "The experiment's YAML file");
  CLI::Option* resume =
      app->add_option("--resume", options->resume, "Go on with this run (an id, or `last`)");
  // A run that was begun keeps the spec it was begun with.
  app->add_option("--seed", options->seed, "In place of the spec's seed")->excludes(resume);
  app->add_option("--steps", options->steps,
                  "In place of the spec's budget.steps (optimiser steps)")
      ->check(CLI::Range(1, 100'000'000))
      ->excludes(resume);
  return {app, [options, &global] {
            options->global = global;
            return execute(*options);
          }};
}

}  // namespace flywheel
