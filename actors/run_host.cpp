#include "actors/run_host.hpp"

#include <algorithm>
#include <utility>

#include "actors/model_location.hpp"
#include "actors/run_parts.hpp"
#include "actors/run_plan.hpp"
#include "runtime/base/log.hpp"
#include "runtime/tasks/task_registry.hpp"

namespace flywheel {
namespace {

constexpr int roll_backs_max = 2;
// A run that has not ended by then hangs.
constexpr std::chrono::hours run_time_max{24 * 90};

constexpr double free_bytes_most = 1e18;  // more than a disk has, less than the integer holds

}  // namespace

std::uint64_t free_bytes_needed(const ExperimentSpec& spec) {
  return static_cast<std::uint64_t>(
      std::min(spec.budget.disk_gib_min * (1ULL << 30), free_bytes_most));
}

RunHost::RunHost(Services services, ExperimentSpec spec, Checkpoint checkpoint, RunRecord record,
                 RunMeans means)
    : services_(services),
      spec_(std::move(spec)),
      checkpoint_(std::move(checkpoint)),
      record_(std::move(record)),
      means_(std::move(means)) {}

Result<std::unique_ptr<RunHost>> RunHost::create(Services services, ExperimentSpec spec,
                                                 Checkpoint checkpoint) {
  FLYWHEEL_TRY_VOID(check_against_model(spec, checkpoint.config));
  FLYWHEEL_TRY_VOID(services.workspace->check_free_space(free_bytes_needed(spec)));
  FLYWHEEL_TRY(auto means, open_run_means(spec, *services.sandbox));
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
  FLYWHEEL_TRY_VOID(services.workspace->check_free_space(free_bytes_needed(spec)));
  FLYWHEEL_TRY(auto checkpoint, load_named_checkpoint(spec.model.path));
  const auto hash = content_hash(checkpoint.weights);
  if (hash != record.base_weights)
    return fail(Failure::hash_mismatch, "model " + spec.model.path + " hashes to " +
                                            to_string(hash) + ", the run began with " +
                                            to_string(record.base_weights));
  FLYWHEEL_TRY(auto means, open_run_means(spec, *services.sandbox));
  FLYWHEEL_TRY_VOID(check_data_unchanged(services, record, spec, *means.family));
  FLYWHEEL_TRY(const auto free_bytes,
               services.checkpoints->remove_strays(run, services.workspace->snapshot_folder(run)));
  if (free_bytes > 0)
    log_info("{}: {} bytes of unfinished snapshots are removed", to_string(run), free_bytes);
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
  if (stop_reason_) return;
  stop_reason_ = reason;
  if (parts_ != nullptr) parts_->stop(reason);
}

void RunHost::attach(RunParts* parts) {
  const std::lock_guard lock{mutex_};
  parts_ = parts;
  if (parts_ != nullptr && stop_reason_) parts_->stop(*stop_reason_);
}

// Once through: from where the stores say to the end, an interruption or a roll-back.
Result<RunOutcome> RunHost::run_once() {
  RunPartsConfig config;
  config.context = make_run_context(record_.id, spec_, checkpoint_, means_, *services_.waits,
                                    *services_.gate, *services_.clock);
  config.checkpoint = checkpoint_;
  config.initial = convert(checkpoint_.weights, config.context->precision);
  config.tools = means_.tools;
  FLYWHEEL_TRY(config.held_out, held_out_tasks(spec_, *config.context->family));
  FLYWHEEL_TRY(config.resume, resume_point(services_, record_, spec_));
  const auto checkpoint_id = derive_id<CheckpointId>(record_.id, 0);
  config.checkpoint_folder = services_.workspace->checkpoint_folder(checkpoint_id).string();
  RunKeeper keeper{{.context = config.context,
                    .workspace = services_.workspace,
                    .metrics = services_.metrics,
                    .checkpoints = services_.checkpoints,
                    .feed = feed_.get(),
                    .checkpoint = checkpoint_id}};
  RunParts parts{services_, std::move(config), keeper};
  parts.start();
  attach(&parts);
  auto outcome = keeper.wait_until_ended(run_time_max);
  attach(nullptr);
  return outcome;
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
    feed_->tell("rolled_back", outcome.reason);
    if (auto rolled =
            roll_back_to_snapshot(services_, record_, spec_, outcome.snapshot_step, outcome.reason);
        !rolled) {
      outcome.status = RunStatus::failed;
      outcome.reason = to_string(rolled.error());
      break;
    }
  }
  if (auto kept = services_.ledger->set_run_status(record_.id, outcome.status); !kept)
    log_error("status of {}: {}", to_string(record_.id), to_string(kept.error()));
  feed_->end(std::move(outcome));
}

}  // namespace flywheel
