#include "actors/run_keeper.hpp"

#include <fmt/format.h>

#include "actors/evaluation_figures.hpp"
#include "actors/evaluation_file.hpp"
#include "runtime/base/log.hpp"

namespace flywheel {
namespace {

std::uint64_t now_ms(const Clock& clock) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(clock.now().time_since_epoch())
          .count());
}

double mean_staleness(const std::map<std::uint64_t, std::uint64_t>& staleness) {
  double sum = 0;
  double count = 0;
  for (const auto& [versions, rollouts] : staleness) {
    sum += static_cast<double>(versions * rollouts);
    count += static_cast<double>(rollouts);
  }
  return count > 0 ? sum / count : 0.0;
}

}  // namespace

RunKeeper::RunKeeper(RunKeeperConfig config)
    : config_(std::move(config)), started_(config_.context->clock->steady_now()) {
  snapshot_.run = to_string(config_.context->run);
  snapshot_.steps = config_.context->spec.budget.steps;
  step_ended_ = started_;
}

void RunKeeper::watch_sampler(const std::string& name, std::shared_ptr<SamplerGauges> gauges) {
  samplers_.insert_or_assign(name, std::move(gauges));
}

std::filesystem::path RunKeeper::evaluation_folder() const {
  return config_.workspace->run_folder(config_.context->run) / "evaluations";
}

void RunKeeper::measure_rates() {
  std::uint64_t tokens = 0;
  double busy = 0;
  for (const auto& [name, gauges] : samplers_) {
    tokens += gauges->tokens_sampled;
    busy += gauges->busy_seconds;
  }
  if (busy > busy_before_)
    snapshot_.tokens_sampled_per_second =
        static_cast<double>(tokens - tokens_before_) / (busy - busy_before_);
  tokens_before_ = tokens;
  busy_before_ = busy;
}

void RunKeeper::progressed(const RunProgress& progress) {
  const auto& spec = config_.context->spec;
  const std::chrono::duration<double> elapsed = config_.context->clock->steady_now() - started_;
  snapshot_.phase = progress.phase;
  snapshot_.step = progress.step;
  snapshot_.elapsed_seconds = elapsed.count();
  snapshot_.staleness_max = spec.staleness_max;
  std::uint32_t active = 0;
  std::uint32_t waiting = 0;
  for (const auto& [name, gauges] : samplers_) {
    active += gauges->active;
    waiting += gauges->waiting;
  }
  const std::uint64_t groups_max =
      static_cast<std::uint64_t>(spec.task.tasks_per_step) * (spec.staleness_max + 1);
  snapshot_.queues = {
      {"decoding", active,
       static_cast<std::uint64_t>(spec.compute.sequences_max) * samplers_.size()},
      {"waiting for the sampler", waiting, EngineConfig{}.queue_max},
      {"conversations", progress.conversations, groups_max * spec.task.samples_per_task},
      {"groups open", progress.groups_open, groups_max}};
  config_.feed->show(snapshot_);
}

void RunKeeper::step_committed(const StepLearned& learned) {
  measure_rates();
  const auto now = config_.context->clock->steady_now();
  const TrainReport& report = learned.report;
  snapshot_.step = learned.step;
  snapshot_.step_seconds = std::chrono::duration<double>(now - step_ended_).count();
  step_ended_ = now;
  snapshot_.reward = learned.reward_mean;
  snapshot_.staleness_mean = mean_staleness(learned.staleness);
  snapshot_.mismatch_k3 = report.mismatch_k3_mean;
  if (learned.learn_seconds > 0)
    snapshot_.tokens_learned_per_second =
        static_cast<double>(report.computed_token_count) / learned.learn_seconds;
  const std::vector<MetricPoint> points = {
      {"train/reward", learned.step, learned.reward_mean},
      {"train/first_turn_pass_rate", learned.step, learned.first_turn_pass_rate},
      {"train/loss", learned.step, report.loss},
      {"train/gradient_norm", learned.step, report.gradient_norm},
      {"train/entropy", learned.step, report.entropy},
      {"train/learning_rate", learned.step, report.learning_rate},
      {"train/loss_tokens", learned.step, static_cast<double>(report.loss_token_count)},
      {"train/clip_fraction", learned.step, report.clip_fraction},
      {"train/ratio_max", learned.step, report.ratio_max},
      {"train/effective_sample_share", learned.step, report.effective_sample_share},
      {"train/mismatch_k3_mean", learned.step, report.mismatch_k3_mean},
      {"train/mismatch_abs_max", learned.step, report.mismatch_abs_max},
      {"train/staleness_mean", learned.step, snapshot_.staleness_mean},
      {"time/step_seconds", learned.step, snapshot_.step_seconds},
      {"time/learn_seconds", learned.step, learned.learn_seconds},
      {"time/tokens_sampled_per_second", learned.step, snapshot_.tokens_sampled_per_second}};
  if (auto kept = config_.metrics->append(config_.context->run, points); !kept)
    log_error("metrics of step {}: {}", learned.step, to_string(kept.error()));
  config_.feed->show(snapshot_);
}

Result<> RunKeeper::evaluated(const Evaluated& evaluated) {
  const EvaluationFile file{evaluated.name, evaluated.version, evaluated.broken_count,
                            evaluated.seconds, evaluated.rollouts};
  const auto figures = evaluation_figures(file);
  std::vector<MetricPoint> points;
  for (const auto& [name, measured] : figures)
    if (measured.count > 0)
      points.push_back({"evaluation/" + name, evaluated.version, measured.value});
  FLYWHEEL_TRY_VOID(config_.metrics->append(config_.context->run, points, Durability::synced));
  // Last, for has_evaluation() looks at the file: points that are written again do no harm.
  FLYWHEEL_TRY_VOID(write_evaluation(evaluation_folder(), file));
  const auto found = figures.find(std::string{first_turn_held_out});
  if (found != figures.end()) {
    snapshot_.pass_rate = found->second;
    snapshot_.pass_rate_step = evaluated.version;
  }
  config_.feed->tell("evaluation", fmt::format("'{}': first turn, held-out {} in {}",
                                               evaluated.name, measured_text(snapshot_.pass_rate),
                                               duration_text(evaluated.seconds)));
  if (evaluated.broken_count > 0)
    config_.feed->tell("warning", fmt::format("evaluation '{}': {} conversations broke and are not "
                                              "counted",
                                              evaluated.name, evaluated.broken_count));
  config_.feed->show(snapshot_);
  return {};
}

Result<> RunKeeper::snapshot_saved(const SnapshotSaved& saved) {
  const auto committed = config_.checkpoints->commit_snapshot(
      config_.context->run, saved.step, saved.path, saved.hash, now_ms(*config_.context->clock),
      config_.context->spec.snapshots.kept);
  if (!committed) return fail(committed.error());
  config_.feed->tell("snapshot", fmt::format("after step {}", saved.step));
  return {};
}

Result<> RunKeeper::checkpoint_written(const CheckpointWritten& written, std::uint64_t step) {
  CheckpointRecord record;
  record.id = config_.checkpoint;
  record.run = config_.context->run;
  record.step = step;
  record.policy_version = step;
  record.created_ms = now_ms(*config_.context->clock);
  record.folder = config_.workspace->relative_to_home(written.folder).string();
  record.content_hash = written.hash;
  record.tensor_hashes = written.tensor_hashes;
  const auto added = config_.checkpoints->add_checkpoint(std::move(record));
  if (!added) return fail(added.error());
  config_.feed->tell("checkpoint", written.folder);
  return {};
}

bool RunKeeper::has_evaluation(const std::string& name) const {
  return has_evaluation_file(evaluation_folder(), name);
}

void RunKeeper::ended(const RunOutcome& outcome) {
  {
    const std::lock_guard lock{mutex_};
    if (!outcome_) outcome_ = outcome;
  }
  has_ended_.notify_all();
}

Result<RunOutcome> RunKeeper::wait_until_ended(std::chrono::milliseconds patience) {
  WaitRegistry& waits = *config_.context->waits;
  const auto wait = waits.begin("run_host", {to_string(config_.context->run) + " to end",
                                             "Experiment: its outcome", patience});
  std::unique_lock lock{mutex_};
  if (!has_ended_.wait_for(lock, patience, [&] { return outcome_.has_value(); }))
    return tl::unexpected{waits.expire(wait, "the run did not end")};
  waits.end(wait);
  return *outcome_;
}

}  // namespace flywheel
