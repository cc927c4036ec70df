#include "actors/run_host.hpp"

#include <utility>

#include "actors/model_location.hpp"
#include "actors/run_parts.hpp"
#include "actors/run_plan.hpp"
#include "runtime/base/log.hpp"
#include "runtime/grading/grader_registry.hpp"
#include "runtime/tasks/task_registry.hpp"

namespace flywheel {
namespace {

using namespace std::chrono_literals;

constexpr int roll_backs_max = 2;

}  // namespace

Precision precision_of(PrecisionChoice choice) {
  switch (choice) {
    case PrecisionChoice::float32:
      return Precision::float32;
    case PrecisionChoice::bfloat16:
      return Precision::bfloat16;
    case PrecisionChoice::automatic:
      break;
  }
  return fastest_precision();
}

Result<RunHost::Means> RunHost::open_means(const Services& services, const ExperimentSpec& spec) {
  Means means;
  FLYWHEEL_TRY(means.family, open_task_family(spec.task.family, spec.task.parameters));
  FLYWHEEL_TRY(means.grader, find_grader(means.family->grader()));
  FLYWHEEL_TRY(means.tools, open_tool_setup(spec, *means.family, *means.grader, *services.sandbox));
  return means;
}

RunHost::RunHost(Services services, ExperimentSpec spec, Checkpoint checkpoint, RunRecord record,
                 Means means)
    : services_(services),
      spec_(std::move(spec)),
      checkpoint_(std::move(checkpoint)),
      record_(std::move(record)),
      precision_(precision_of(spec_.model.precision)),
      means_(std::move(means)) {}

Result<std::unique_ptr<RunHost>> RunHost::create(Services services, ExperimentSpec spec,
                                                 Checkpoint checkpoint) {
  FLYWHEEL_TRY_VOID(check_against_model(spec, checkpoint.config));
  FLYWHEEL_TRY(auto means, open_means(services, spec));
  FLYWHEEL_TRY(auto record,
               create_run(services, spec, *means.family, content_hash(checkpoint.weights)));
  return std::unique_ptr<RunHost>{new RunHost{services, std::move(spec), std::move(checkpoint),
                                              std::move(record), std::move(means)}};
}

Result<std::unique_ptr<RunHost>> RunHost::resume(Services services, RunId run) {
  FLYWHEEL_TRY(auto record, services.ledger->run(run));
  if (record.status == RunStatus::finished)
    return fail(Failure::invalid_argument, to_string(run) + " has finished: `flywheel report " +
                                               to_string(run) + "` shows it");
  FLYWHEEL_TRY(auto spec,
               parse_experiment_spec(record.spec_text, "the stored spec of " + to_string(run),
                                     algorithm_table()));
  FLYWHEEL_TRY(auto checkpoint, load_named_checkpoint(spec.model.path));
  const auto hash = content_hash(checkpoint.weights);
  if (hash != record.base_weights)
    return fail(Failure::hash_mismatch, "model " + spec.model.path + " hashes to " +
                                            to_string(hash) + ", the run began with " +
                                            to_string(record.base_weights));
  FLYWHEEL_TRY(auto means, open_means(services, spec));
  FLYWHEEL_TRY_VOID(services.ledger->set_run_status(run, RunStatus::running));
  return std::unique_ptr<RunHost>{new RunHost{services, std::move(spec), std::move(checkpoint),
                                              std::move(record), std::move(means)}};
}

RunHost::~RunHost() {
  stop("the node is shutting down");
  if (conductor_.joinable()) conductor_.join();
}

void RunHost::start() {
  conductor_ = std::thread{[this] { conduct(); }};
}

void RunHost::stop(const std::string& reason) {
  const std::lock_guard lock{mutex_};
  if (!stop_reason_) stop_reason_ = reason;
}

RunContextPtr RunHost::make_context() const {
  auto context = std::make_shared<RunContext>();
  context->run = record_.id;
  context->spec = spec_;
  context->precision = precision_;
  context->turn_tokens =
      std::make_shared<TurnTokens>(checkpoint_.tokenizer, checkpoint_.chat_template);
  context->family = means_.family;
  context->grader = means_.grader;
  context->toolbox = means_.tools.toolbox;
  context->judge_code = means_.tools.judge_code;
  context->waits = services_.waits;
  context->gate = services_.gate;
  context->clock = services_.clock;
  return context;
}

// Once through: from where the stores say to the end, an interruption or a roll-back.
Result<RunOutcome> RunHost::run_once() {
  RunPartsConfig config;
  config.context = make_context();
  config.checkpoint = checkpoint_;
  config.initial = convert(checkpoint_.weights, precision_);
  config.tools = means_.tools;
  FLYWHEEL_TRY(config.held_out, held_out_tasks(spec_, *config.context->family));
  FLYWHEEL_TRY(config.resume, resume_point(services_, record_, spec_));
  const auto checkpoint_id = derive_id<CheckpointId>(record_.id, 0);
  config.checkpoint_folder = services_.workspace->checkpoint_folder(checkpoint_id).string();
  RunKeeper keeper{{.context = config.context,
                    .workspace = services_.workspace,
                    .metrics = services_.metrics,
                    .checkpoints = services_.checkpoints,
                    .feed = &feed_,
                    .checkpoint = checkpoint_id}};
  RunParts parts{services_, std::move(config), keeper};
  parts.start();
  bool is_told_to_stop = false;
  for (;;) {
    if (auto outcome = keeper.wait_until_ended(100ms)) return *outcome;
    const std::lock_guard lock{mutex_};
    if (stop_reason_ && !is_told_to_stop) {
      parts.stop(*stop_reason_);
      is_told_to_stop = true;
    }
  }
}

void RunHost::conduct() {
  RunOutcome outcome;
  for (int attempt = 0;; ++attempt) {
    auto ended = run_once();
    if (!ended) {
      outcome = {.status = RunStatus::failed, .reason = to_string(ended.error())};
      break;
    }
    outcome = *ended;
    if (!outcome.rolled_back || attempt >= roll_backs_max) break;
    feed_.tell("rolled_back", outcome.reason);
    if (auto rolled = roll_back_to_snapshot(services_, record_, spec_, outcome.reason); !rolled) {
      outcome.status = RunStatus::failed;
      outcome.reason = to_string(rolled.error());
      break;
    }
  }
  if (auto kept = services_.ledger->set_run_status(record_.id, outcome.status); !kept)
    log_error("status of {}: {}", to_string(record_.id), to_string(kept.error()));
  feed_.end(std::move(outcome));
}

}  // namespace flywheel
