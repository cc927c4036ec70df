// flywheel run: plans, runs or goes on with an experiment, shows it live, and ends with what came
// out.
#include <csignal>
#include <memory>

#include <fmt/format.h>

#include "actors/commands/command.hpp"
#include "actors/commands/doctor.hpp"
#include "actors/commands/plan.hpp"
#include "actors/commands/print.hpp"
#include "actors/commands/progress.hpp"
#include "actors/commands/run_report.hpp"
#include "actors/commands/run_summary.hpp"
#include "actors/commands/workspace_client.hpp"
#include "actors/model_location.hpp"
#include "actors/node.hpp"
#include "runtime/base/log.hpp"
#include "runtime/learning/machine_rates.hpp"
#include "runtime/net/http_client.hpp"

namespace flywheel {
namespace {

using namespace std::chrono_literals;

volatile std::sig_atomic_t interrupts = 0;

// The first signal ends the run in good order, a second one the process at once: what is committed
// survives both.
void on_interrupt(int number) {
  interrupts = interrupts + 1;
  std::signal(number, SIG_DFL);
}

struct Options {
  GlobalOptions global{};
  std::string spec_path{};
  std::string resume{};
  std::optional<std::uint64_t> seed{};
  std::optional<std::uint64_t> steps{};
};

// What the run came to, whoever conducted it.
struct Ended {
  std::string run{};
  std::string status{};
  std::string reason{};
  std::string checkpoint{};
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

// Follows a run of this process until it has ended; Ctrl-C stops it in good order.
Ended follow(RunHost& host, bool json) {
  ProgressDisplay display{progress_mode_for_stdout(json), print};
  FeedCursor cursor;
  bool is_stopping = false;
  for (;;) {
    const auto view = host.feed()->next(cursor, 200ms);
    for (const FeedEvent& event : view.events) display.event(event.kind, event.message);
    if (view.outcome) {
      display.update(view.snapshot);
      display.finish();
      return {to_string(host.run()), to_string(view.outcome->status), view.outcome->reason,
              view.outcome->checkpoint};
    }
    display.update(view.snapshot);
    if (interrupts > 0 && !is_stopping) {
      is_stopping = true;
      display.event("stopping",
                    "stopping: a step that is being learned is committed first; the same signal "
                    "again ends at once");
      host.stop("interrupted");
    }
  }
}

// Follows a run that the workspace's owner conducts.
Result<Ended> follow_remote(const std::string& home, const std::string& run, bool json) {
  HttpClient client{Endpoint::unix_socket(Workspace::socket_path_of(home).string())};
  ProgressDisplay display{progress_mode_for_stdout(json), print};
  Ended ended{.run = run};
  bool is_stopping = false;
  const auto on_event = [&](const ServerEvent& event) {
    const auto body = parse_json(event.data, "event");
    if (!body) return true;
    if (event.type == "progress") display.update(progress_from_json(*body));
    if (event.type == "event") display.event(body->value("kind", ""), body->value("message", ""));
    if (event.type == "ended") {
      ended.status = body->value("status", "");
      ended.reason = body->value("reason", "");
      ended.checkpoint = body->value("checkpoint", "");
      return false;
    }
    if (interrupts > 0 && !is_stopping) {
      is_stopping = true;
      HttpClient other{Endpoint::unix_socket(Workspace::socket_path_of(home).string())};
      if (auto stopped = other.post_json("/v1/runs/" + run + "/stop", Json::object()); !stopped)
        log_warning("stopping {}: {}", run, to_string(stopped.error()));
    }
    return true;
  };
  FLYWHEEL_TRY_VOID(client.read_events({.target = "/v1/runs/" + run + "/events"}, 60s, on_event));
  display.finish();
  if (ended.status.empty())
    return fail(Failure::unavailable,
                "the workspace's owner went away; `flywheel run --resume " + run + "` goes on");
  return ended;
}

// The tables, the report, and the next command; returns the exit code.
Result<int> conclude(const Options& options, WorkspaceClient& client, const Ended& ended) {
  if (ended.status == "interrupted") {
    print(fmt::format("{}: {}\nGo on with: flywheel run --resume {}\n", ended.run,
                      ended.reason.empty() ? "interrupted" : ended.reason, ended.run));
    return exit_interrupted;
  }
  if (ended.status != "finished")
    return fail(Failure::unavailable,
                fmt::format("{} failed: {}; `flywheel run --resume {}` goes on", ended.run,
                            ended.reason, ended.run));
  FLYWHEEL_TRY(const Json run, client.get("/v1/runs/" + ended.run));
  FLYWHEEL_TRY(const auto spec,
               parse_experiment_spec(run["spec"], "the stored spec", algorithm_table()));
  FLYWHEEL_TRY(const auto summary, read_summary(client, ended.run, spec));
  FLYWHEEL_TRY(const auto report, write_run_report(options.global.home, summary, ended.checkpoint));
  if (options.global.json) {
    print(Json{{"event", "ended"},
               {"run", ended.run},
               {"status", ended.status},
               {"report", report},
               {"checkpoint", ended.checkpoint},
               {"gates_passed", summary.gates_passed()}}
              .dump() +
          "\n");
  } else {
    print("\n" + summary_text(summary));
    print(fmt::format("\nreport      {}\n", report));
    if (!ended.checkpoint.empty()) {
      print(fmt::format("checkpoint  {}\n", ended.checkpoint));
      print(
          fmt::format("next        flywheel try {} \"List exactly three fruits, nothing else.\"\n",
                      ended.checkpoint));
    }
  }
  return summary.gates_passed() ? exit_done : exit_failed;
}

Result<int> run_here(const Options& options, Node& node) {
  RunHost* host = nullptr;
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
  const Ended ended = follow(*host, options.global.json);
  auto client = WorkspaceClient::of(node);
  auto code = conclude(options, client, ended);
  // Runs that others started here go on until they are through.
  for (RunHost* other : node.hosts())
    if (!other->has_ended()) follow(*other, options.global.json);
  return code;
}

Result<int> run_at_owner(const Options& options) {
  FLYWHEEL_TRY(auto client, WorkspaceClient::open(options.global.home));
  Json body;
  if (options.resume.empty()) {
    FLYWHEEL_TRY(const auto spec, load_spec(options));
    body = {{"spec", resolved_spec_text(spec)}, {"where", options.spec_path}};
  } else {
    FLYWHEEL_TRY(const auto id, resolve_run(client, options.resume));
    body = {{"resume", id}};
  }
  FLYWHEEL_TRY(const Json started, client.post("/v1/runs", body));
  FLYWHEEL_TRY(const auto ended,
               follow_remote(options.global.home, started["id"], options.global.json));
  return conclude(options, client, ended);
}

Result<int> execute(const Options& options) {
  if (options.spec_path.empty() == options.resume.empty())
    return fail(Failure::invalid_argument,
                "run: give a spec's path, or --resume RUN, one of the two");
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  if (wait_for_owner(options.global.home)) return run_at_owner(options);
  std::uint64_t free_bytes_min = NodeConfig{}.free_bytes_min;
  if (options.resume.empty()) {
    FLYWHEEL_TRY(const auto spec, load_spec(options));
    free_bytes_min = static_cast<std::uint64_t>(spec.budget.disk_gib_min * (1ULL << 30));
  }
  auto node = Node::open({.home = options.global.home,
                          .free_bytes_min = free_bytes_min,
                          .creates_home = options.resume.empty()});
  if (!node && node.error().failure == Failure::already_exists) return run_at_owner(options);
  if (!node) return fail(node.error());
  return run_here(options, **node);
}

}  // namespace

Command add_run(CLI::App& program, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  CLI::App* app = add_subcommand(program, "run", "Run an experiment, or go on with one.",
                                 "flywheel run experiments/structured_requests/derisk.yaml");
  app->add_option("spec", options->spec_path, "The experiment's YAML file");
  app->add_option("--resume", options->resume, "Go on with this run (an id, or `last`)");
  app->add_option("--seed", options->seed, "In place of the spec's seed");
  app->add_option("--steps", options->steps,
                  "In place of the spec's budget.steps (optimiser steps)");
  return {app, [options, &global] {
            options->global = global;
            return execute(*options);
          }};
}

}  // namespace flywheel
