#include "actors/experiment.hpp"

#include <algorithm>
#include <utility>

#include <caf/actor_system.hpp>
#include <caf/exit_reason.hpp>

#include "actors/experiment_state.hpp"
#include "runtime/base/log.hpp"
#include "runtime/system/caf_failure.hpp"

namespace flywheel {
namespace experiment {

// AReaL's capacity (started <= (version + staleness + 1) * batch), and never more than the run
// needs.
std::uint64_t State::groups_allowed() const {
  const std::uint64_t by_version = progress.version + spec().staleness_max + 1;
  return std::min(by_version, spec().budget.steps) * spec().task.tasks_per_step + given_up_groups;
}

bool State::may_publish() const {
  // Versions that are only replayed are of use to deterministic runs alone.
  if (!config.resume.replay.empty() && !spec().deterministic) return false;
  return !is_publishing && progress.version < newest.version &&
         (!spec().deterministic || (rollouts.empty() && !is_planning));
}

// In deterministic mode a rollout waits for the version that its index asks for.
bool State::may_talk(const Rollout& rollout) const {
  return !spec().deterministic || rollout.state == RolloutState::finished ||
         version_of_group(rollout.group_index, spec().task.tasks_per_step, spec().staleness_max) <=
             progress.version;
}

std::vector<Rollout> State::plan(const std::vector<Task>& tasks) {
  std::vector<Rollout> planned;
  const auto group_size = spec().task.samples_per_task;
  for (const Task& task : tasks) {
    for (std::uint32_t sample = 0; sample < group_size; ++sample) {
      Rollout rollout;
      rollout.run = context->run;
      rollout.index = next_group * group_size + sample;
      rollout.id = derive_id<RolloutId>(context->run, rollout.index);
      rollout.group_index = next_group;
      rollout.sample_index = sample;
      rollout.task = task;
      planned.push_back(std::move(rollout));
    }
    ++next_group;
  }
  return planned;
}

StepRecord State::step_record(const StepLearned& learned) const {
  StepRecord record;
  record.run = context->run;
  record.step = learned.step;
  record.policy_version = learned.step;
  record.weights_hash = learned.weights.hash;
  record.learner_state_hash = learned.state_hash;
  record.data_cursors = {{spec().task.family, next_group}};
  record.staleness = learned.staleness;
  record.consumed = learned.consumed;
  std::sort(record.consumed.begin(), record.consumed.end());
  const TrainReport& report = learned.report;
  record.metrics = {{"reward", learned.reward_mean},
                    {"first_turn_pass_rate", learned.first_turn_pass_rate},
                    {"loss", report.loss},
                    {"gradient_norm", report.gradient_norm},
                    {"entropy", report.entropy},
                    {"mismatch_k3_mean", report.mismatch_k3_mean},
                    {"mismatch_abs_max", report.mismatch_abs_max},
                    {"learn_seconds", learned.learn_seconds}};
  return record;
}

void end(Self self, RunOutcome outcome) {
  auto& state = self->state;
  if (state.has_ended) return;
  state.has_ended = true;
  if (state.newest.handle) outcome.weights_hash = state.newest.hash;
  // Their samplers are about to go; without an exit they would wait out their deadlines.
  for (auto& [index, user] : state.users) self->send_exit(user, caf::exit_reason::user_shutdown);
  state.users.clear();
  state.config.observer->ended(outcome);
  self->quit();
}

void fail_run(Self self, const std::string& doing, const Error& error) {
  end(self, {.status = RunStatus::failed, .reason = doing + ": " + to_string(error)});
}

void report_progress(Self self) {
  auto& state = self->state;
  state.progress.step = state.newest.version;
  state.progress.conversations = static_cast<std::uint32_t>(state.users.size());
  const auto consumed = state.newest.version * state.spec().task.tasks_per_step;
  state.progress.groups_open =
      state.next_group - std::min(state.next_group, consumed + state.given_up_groups);
  state.config.observer->progressed(state.progress);
}

namespace {

void enter(Self self, const char* phase) {
  self->state.progress.phase = phase;
  log_info("run {}: {}", to_string(self->state.context->run), phase);
  report_progress(self);
}

void finish(Self self) {
  auto& state = self->state;
  if (!state.config.observer->has_evaluation("after")) {
    state.is_closing = true;
    enter(self, "evaluating after");
    return evaluate(self, "after", state.newest, 0, state.spec().evaluation.samples_per_task);
  }
  if (!state.spec().publish.enabled) return end(self, {.status = RunStatus::finished});
  enter(self, "publishing the checkpoint");
  ask<CheckpointWritten>(
      self, *state.context->waits, state.config.parts.publisher,
      {"the checkpoint on disk", "Publisher: writing and syncing it", snapshot_deadline},
      WriteCheckpoint{state.config.checkpoint_folder},
      [self](const CheckpointWritten& written) {
        auto kept =
            self->state.config.observer->checkpoint_written(written, self->state.learned_step);
        if (!kept) return fail_run(self, "keeping the checkpoint", kept.error());
        end(self, {.status = RunStatus::finished, .checkpoint = written.folder});
      },
      fail_on_error(self, "writing the checkpoint"));
}

bool is_over_time(Self self) {
  const auto& state = self->state;
  const std::chrono::duration<double, std::ratio<60>> minutes =
      state.context->clock->steady_now() - state.started;
  return state.spec().budget.minutes > 0 && minutes.count() > state.spec().budget.minutes;
}

void begin_learning(Self self) {
  self->state.is_measuring_start = false;
  enter(self, self->state.config.resume.replay.empty() ? "learning" : "replaying committed steps");
  advance(self);
}

}  // namespace

void advance(Self self) {
  auto& state = self->state;
  if (state.has_ended) return;
  // A batch that is only waited for may never fill while nobody talks: a resume releases the lease.
  const bool is_busy = state.is_learning || state.is_publishing || state.is_saving;
  if (state.is_stopping) {
    if (!is_busy && !state.is_planning)
      end(self, {.status = RunStatus::interrupted, .reason = state.stop_reason});
    return;
  }
  if (state.is_measuring_start) {
    if (state.evaluations_under_way == 0) begin_learning(self);
    return;
  }
  if (state.may_publish()) return publish(self);
  // A replay that must first let conversations be sampled by an earlier version waits for them.
  const bool is_replaying = !state.config.resume.replay.empty();
  const bool replay_waits =
      is_replaying && state.spec().deterministic &&
      (state.progress.version < state.newest.version || !state.rollouts.empty() ||
       state.is_planning ||
       (!state.unfinished.empty() && state.may_talk(state.unfinished.front())) ||
       state.next_group < state.groups_allowed());
  if (is_replaying && !state.is_taking_step() && !replay_waits) return take_step(self);
  use_credits(self);
  if (is_replaying || state.is_taking_step()) return;
  if (state.all_steps_learned()) {
    if (!is_busy && state.evaluations_under_way == 0) finish(self);
  } else if (is_over_time(self)) {
    state.is_stopping = true;
    state.stop_reason = "budget.minutes is used up";
    advance(self);
  } else if (!(state.is_saving && state.ends_in_snapshot(state.learned_step + 1)) &&
             (!state.spec().deterministic || state.progress.version == state.newest.version)) {
    // One snapshot is written at a time. A deterministic run publishes every version: a step that
    // were learned while one is on its way would have the next groups sampled by a later version
    // than theirs.
    take_step(self);
  }
}

namespace {

// The first publication, then the measurement before anything is learned.
void begin(Self self) {
  auto& state = self->state;
  if (state.learned_step > 0 || state.config.observer->has_evaluation("before")) {
    evaluate_if_due(self);  // of the snapshot's step
    return begin_learning(self);
  }
  enter(self, "evaluating before");
  state.is_measuring_start = true;
  evaluate(self, "before", state.config.initial, 0, state.spec().evaluation.samples_per_task);
}

// The samplers must hold proven weights before anyone talks, version 0 as well.
void publish_first(Self self) {
  auto& state = self->state;
  ask<WeightsPublished>(
      self, *state.context->waits, state.config.parts.publisher,
      {"version " + std::to_string(state.newest.version) + " to be published",
       "Publisher: every sampler's hash", publish_deadline},
      PublishWeights{state.newest},
      [self](const WeightsPublished& published) {
        self->state.progress.version = published.version;
        begin(self);
      },
      fail_on_error(self, "publishing weights"));
}

void on_start(Self self) {
  auto& state = self->state;
  const ResumePoint& resume = state.config.resume;
  state.started = state.context->clock->steady_now();
  state.newest = state.config.initial;
  state.next_group = resume.next_group;
  state.given_up_groups = resume.given_up_group_count;
  state.discarded = resume.discarded;
  state.unfinished.assign(resume.unfinished.begin(), resume.unfinished.end());
  if (resume.snapshot_step == 0) return publish_first(self);
  enter(self, "loading the snapshot");
  ask<SnapshotLoaded>(
      self, *state.context->waits, state.config.parts.learner,
      {"snapshot " + resume.snapshot_path, "Learner: reading it", snapshot_deadline},
      LoadSnapshot{resume.snapshot_step, resume.snapshot_path},
      [self](const SnapshotLoaded& loaded) {
        auto& restored = self->state;
        if (loaded.hash != restored.config.resume.snapshot_hash)
          return fail_run(
              self, "loading the snapshot",
              {Failure::hash_mismatch, restored.config.resume.snapshot_path +
                                           " does not hold the state that was committed"});
        restored.newest = loaded.weights;
        restored.learned_step = restored.config.resume.snapshot_step;
        publish_first(self);
      },
      fail_on_error(self, "loading the snapshot"));
}

Experiment::behavior_type behavior(Self self, RunContextPtr context, ExperimentConfig config) {
  self->state.context = std::move(context);
  self->state.config = std::move(config);
  self->set_down_handler([self](const caf::down_msg& down) { on_user_died(self, down); });
  // The supervisor tells the reason; the users would wait out their deadlines.
  self->set_exception_handler([self](std::exception_ptr& thrown) -> caf::error {
    for (auto& [index, user] : self->state.users)
      self->send_exit(user, caf::exit_reason::user_shutdown);
    return to_caf(thrown);
  });
  return {
      [self](StartRun) { on_start(self); },
      [self](const StopRun& request) {
        self->state.is_stopping = true;
        self->state.stop_reason = request.reason;
        advance(self);
      },
      [self](const ConversationEnded& ended) { on_conversation_ended(self, ended); },
      [self](const PartDied& died) {
        if (!died.restarted)
          fail_run(self, died.part + " died", {Failure::unavailable, died.reason});
      },
  };
}

}  // namespace
}  // namespace experiment

PolicyVersion version_of_group(std::uint64_t group, std::uint32_t tasks_per_step,
                               std::uint32_t staleness_max) {
  const std::uint64_t step = group / tasks_per_step + 1;
  return step - std::min<std::uint64_t>(step, 1 + staleness_max);
}

Experiment spawn_experiment(caf::actor_system& system, RunContextPtr context,
                            ExperimentConfig config, Placement placement) {
  return spawn_placed(system, placement, experiment::behavior, std::move(context),
                      std::move(config));
}

}  // namespace flywheel
