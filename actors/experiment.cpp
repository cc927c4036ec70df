#include "actors/experiment.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "actors/simulated_user.hpp"
#include "runtime/base/log.hpp"
#include "runtime/system/request.hpp"

namespace flywheel {
namespace {

using namespace std::chrono_literals;

constexpr auto store_deadline = 2min;
constexpr auto publish_deadline = 10min;
constexpr auto batch_deadline = 60min;
constexpr auto learn_deadline = 60min;
constexpr auto evaluate_deadline = 120min;
constexpr auto snapshot_deadline = 10min;
constexpr int talk_attempts_max = 3;

struct State {
  static inline const char* name = "experiment";

  RunContextPtr context;
  ExperimentConfig config;
  RunProgress progress;
  LocalWeights newest{};                          // learned and committed
  std::uint64_t learned_step = 0;                 // what the learner holds
  std::uint64_t next_group = 0;
  std::uint64_t given_up_groups = 0;
  std::deque<Rollout> unfinished;                 // from before the resume, not yet talked through
  std::map<std::uint64_t, Rollout> rollouts;      // being talked through, without transcripts
  std::map<std::uint64_t, SimulatedUser> users;   // by rollout index
  std::map<std::uint64_t, int> attempts;
  std::map<std::uint64_t, std::uint32_t> discarded;  // by group: rollouts that were given up
  SteadyTime started{};
  int evaluations_under_way = 0;
  bool is_planning = false;
  bool is_learning = false;
  bool is_publishing = false;
  bool is_saving = false;
  bool is_closing = false;  // the after-evaluation has begun
  bool is_stopping = false;
  bool has_ended = false;
  std::string stop_reason;

  const ExperimentSpec& spec() const { return context->spec; }
  bool all_steps_learned() const { return learned_step >= spec().budget.steps; }
  std::uint64_t groups_allowed() const;
  bool may_publish() const;
  bool may_talk(const Rollout& rollout) const;
  std::vector<Rollout> plan(const std::vector<Task>& tasks);
  StepRecord step_record(const StepLearned& learned) const;
};

// AReaL's capacity (started <= (version + staleness + 1) * batch), and never more than the run needs.
std::uint64_t State::groups_allowed() const {
  const std::uint64_t by_version = progress.version + spec().staleness_max + 1;
  return std::min(by_version, spec().budget.steps) * spec().task.tasks_per_step + given_up_groups;
}

bool State::may_publish() const {
  // Versions that are only replayed are of use to deterministic runs alone.
  if (!config.resume.replay.empty() && !spec().deterministic) return false;
  return !is_publishing && progress.version < newest.version &&
         (!spec().deterministic || (users.empty() && !is_planning));
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
  record.weights_hash = content_hash(learned.weights.handle);
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

using Self = Experiment::stateful_pointer<State>;

void advance(Self self);
void learn(Self self, std::vector<RolloutId> ids);

void end(Self self, RunOutcome outcome) {
  auto& state = self->state;
  if (state.has_ended) return;
  state.has_ended = true;
  if (state.newest.handle) outcome.weights_hash = content_hash(state.newest.handle);
  state.users.clear();
  state.config.observer->ended(outcome);
  self->quit();
}

void fail_run(Self self, const std::string& doing, const Error& error) {
  end(self, {.status = RunStatus::failed, .reason = doing + ": " + to_string(error)});
}

auto fail_on_error(Self self, const char* doing) {
  return [self, doing](const Error& error) { fail_run(self, doing, error); };
}

void report_progress(Self self) {
  auto& state = self->state;
  state.progress.step = state.newest.version;
  state.progress.conversations = static_cast<std::uint32_t>(state.users.size());
  const auto consumed = state.newest.version * state.spec().task.tasks_per_step;
  state.progress.groups_open = state.next_group - std::min(state.next_group, consumed + state.given_up_groups);
  state.config.observer->progressed(state.progress);
}

void enter(Self self, const char* phase) {
  self->state.progress.phase = phase;
  log_info("run {}: {}", to_string(self->state.context->run), phase);
  report_progress(self);
}

// --- conversations ---------------------------------------------------------------------------

void talk(Self self, Rollout rollout) {
  auto& state = self->state;
  const auto index = rollout.index;
  const auto& parts = state.config.parts;
  ConversationConfig config;
  config.rollout = rollout;
  config.seed = state.spec().seed;
  config.sampling = state.spec().sampling;
  config.sampler = parts.samplers[index % parts.samplers.size()];
  config.grader = parts.grader;
  config.ledger = parts.ledger;
  config.observer = Experiment{self};
  auto user = spawn_simulated_user(self->system(), state.context, std::move(config));
  self->send(user, NextTurn{});
  state.users.insert_or_assign(index, std::move(user));
  state.rollouts.insert_or_assign(index, std::move(rollout));
}

// Marks them running, then has them talked through; what was finished is only judged.
void start(Self self, std::vector<Rollout> rollouts) {
  auto& state = self->state;
  StartRollouts request;
  for (const auto& rollout : rollouts)
    if (rollout.state == RolloutState::planned) request.ids.push_back(rollout.id);
  auto begin = [self, rollouts = std::move(rollouts)]() mutable {
    self->state.is_planning = false;
    for (auto& rollout : rollouts) talk(self, std::move(rollout));
    advance(self);
  };
  state.is_planning = true;
  if (request.ids.empty()) return begin();
  const auto count = request.ids.size();
  ask<Stored>(
      self, *state.context->waits, state.config.parts.ledger,
      {std::to_string(count) + " rollouts marked as running", "Ledger: a synced write", store_deadline},
      std::move(request), [begin](Stored&) mutable { begin(); },
      fail_on_error(self, "starting rollouts"));
}

void plan_groups(Self self, std::uint32_t count) {
  auto& state = self->state;
  state.is_planning = true;
  ask<TaskBatch>(
      self, *state.context->waits, state.config.parts.dataset,
      {std::to_string(count) + " tasks", "Dataset: making them", store_deadline},
      NextTasks{state.next_group, count},
      [self](TaskBatch& batch) {
        auto planned = self->state.plan(batch.tasks);
        ask<Stored>(
            self, *self->state.context->waits, self->state.config.parts.ledger,
            {std::to_string(planned.size()) + " rollouts planned", "Ledger: a synced write",
             store_deadline},
            PlanRollouts{planned}, [self, planned](Stored&) { start(self, planned); },
            fail_on_error(self, "planning rollouts"));
      },
      fail_on_error(self, "making tasks"));
}

// Starts what the credits allow: first what a resume left over, then new groups.
void use_credits(Self self) {
  auto& state = self->state;
  if (state.is_planning || state.is_stopping || state.is_closing) return;
  if (!state.config.resume.replay.empty() && !state.spec().deterministic) return;
  std::vector<Rollout> ready;
  while (!state.unfinished.empty() && state.may_talk(state.unfinished.front())) {
    ready.push_back(std::move(state.unfinished.front()));
    state.unfinished.pop_front();
  }
  if (!ready.empty()) return start(self, std::move(ready));
  const auto allowed = state.groups_allowed();
  if (state.unfinished.empty() && state.next_group < allowed)
    plan_groups(self, static_cast<std::uint32_t>(allowed - state.next_group));
}

// A group without a single rollout left is replaced, where batches are not taken by index.
void count_discarded(State& state, std::uint64_t group) {
  if (++state.discarded[group] == state.spec().task.samples_per_task && !state.spec().deterministic)
    ++state.given_up_groups;
}

void give_up(Self self, const Rollout& rollout, const std::string& reason) {
  auto& state = self->state;
  count_discarded(state, rollout.group_index);
  log_error("{}; given up after {} attempts", reason, talk_attempts_max);
  ask<Stored>(
      self, *state.context->waits, state.config.parts.ledger,
      {"rollout " + std::to_string(rollout.index) + " discarded", "Ledger: a synced write", store_deadline},
      DiscardRollouts{{rollout.id}, reason}, [self](Stored&) { advance(self); },
      fail_on_error(self, "discarding a rollout"));
}

void on_ended(Self self, const ConversationEnded& ended) {
  auto& state = self->state;
  const auto found = state.rollouts.find(ended.index);
  if (found == state.rollouts.end() || state.has_ended) return;
  Rollout rollout = std::move(found->second);
  state.rollouts.erase(found);
  state.users.erase(ended.index);
  if (!ended.failure.empty() && !state.is_stopping) {
    if (++state.attempts[ended.index] >= talk_attempts_max)
      return give_up(self, rollout, ended.failure);
    log_warning("{}; tried again", ended.failure);
    // Still running in the ledger, so it is talked through again as it is.
    return talk(self, std::move(rollout));
  }
  if (ended.was_discarded) count_discarded(state, rollout.group_index);
  report_progress(self);
  advance(self);
}

// --- steps -----------------------------------------------------------------------------------

void publish(Self self) {
  auto& state = self->state;
  state.is_publishing = true;
  ask<WeightsPublished>(
      self, *state.context->waits, state.config.parts.publisher,
      {"version " + std::to_string(state.newest.version) + " to be published",
       "Publisher: every sampler's hash", publish_deadline},
      PublishWeights{state.newest},
      [self](const WeightsPublished& published) {
        self->state.is_publishing = false;
        self->state.progress.version = published.version;
        report_progress(self);
        advance(self);
      },
      fail_on_error(self, "publishing weights"));
}

void evaluate(Self self, std::string name, std::uint32_t tasks, std::uint32_t samples) {
  auto& state = self->state;
  ++state.evaluations_under_way;
  ask<Evaluated>(
      self, *state.context->waits, state.config.parts.evaluator,
      {"evaluation '" + name + "'", "Evaluator: its conversations", evaluate_deadline},
      Evaluate{name, state.newest, tasks, samples},
      [self](const Evaluated& evaluated) {
        --self->state.evaluations_under_way;
        if (auto kept = self->state.config.observer->evaluated(evaluated); !kept)
          return fail_run(self, "keeping an evaluation", kept.error());
        advance(self);
      },
      fail_on_error(self, "evaluating"));
}

void save_snapshot(Self self, std::uint64_t step) {
  auto& state = self->state;
  state.is_saving = true;
  ask<SnapshotSaved>(
      self, *state.context->waits, state.config.parts.learner,
      {"the snapshot after step " + std::to_string(step), "Learner: writing it", snapshot_deadline},
      SaveSnapshot{step, state.config.snapshot_folder + "/step_" + std::to_string(step)},
      [self](const SnapshotSaved& saved) {
        self->state.is_saving = false;
        if (auto kept = self->state.config.observer->snapshot_saved(saved); !kept)
          return fail_run(self, "keeping a snapshot", kept.error());
        advance(self);
      },
      fail_on_error(self, "saving a snapshot"));
}

void on_committed(Self self, const StepLearned& learned) {
  auto& state = self->state;
  state.is_learning = false;
  state.newest = learned.weights;
  state.config.observer->step_committed(learned);
  const auto& spec = state.spec();
  const bool is_last = state.all_steps_learned();
  if (spec.snapshots.every_steps > 0 && learned.step % spec.snapshots.every_steps == 0)
    save_snapshot(self, learned.step);
  if (spec.evaluation.every_steps > 0 && learned.step % spec.evaluation.every_steps == 0 && !is_last)
    evaluate(self, "step " + std::to_string(learned.step), spec.evaluation.tasks_during, 1);
  report_progress(self);
  advance(self);
}

void commit(Self self, std::shared_ptr<StepLearned> learned) {
  auto& state = self->state;
  ask<Stored>(
      self, *state.context->waits, state.config.parts.ledger,
      {"step " + std::to_string(learned->step) + " committed", "Ledger: a synced write", store_deadline},
      CommitStep{state.step_record(*learned)},
      [self, learned](Stored&) { on_committed(self, *learned); },
      fail_on_error(self, "committing a step"));
}

// A replayed step is committed already; its hash must be the one that was committed.
void on_replayed(Self self, const StepLearned& learned) {
  auto& state = self->state;
  const auto committed = state.config.resume.replay.front().learner_state_hash;
  state.config.resume.replay.pop_front();
  state.is_learning = false;
  if (learned.state_hash != committed)
    return end(self, {.status = RunStatus::interrupted,
                      .reason = "step " + std::to_string(learned.step) + " replayed to hash " +
                                to_string(learned.state_hash) + ", " + to_string(committed) +
                                " was committed",
                      .rolled_back = true});
  state.newest = learned.weights;
  report_progress(self);
  advance(self);
}

void on_learned(Self self, StepLearned& learned) {
  auto& state = self->state;
  state.learned_step = learned.step;
  if (!state.config.resume.replay.empty()) return on_replayed(self, learned);
  commit(self, std::make_shared<StepLearned>(std::move(learned)));
}

void learn(Self self, std::vector<RolloutId> ids) {
  auto& state = self->state;
  const auto step = state.learned_step + 1;
  ask<StepLearned>(
      self, *state.context->waits, state.config.parts.learner,
      {"step " + std::to_string(step) + " learned", "Learner: forward, backward, optimiser", learn_deadline},
      LearnStep{step, std::move(ids), true},
      [self](StepLearned& learned) { on_learned(self, learned); },
      fail_on_error(self, "learning"));
}

void on_leased(Self self, BatchLeased& leased) {
  auto& state = self->state;
  if (!leased.discarded.empty()) {  // too old: others are made in their place
    state.is_learning = false;
    state.given_up_groups += leased.discarded_group_count;
    return advance(self);
  }
  learn(self, std::move(leased.ids));
}

void take_step(Self self) {
  auto& state = self->state;
  state.is_learning = true;
  auto& replay = state.config.resume.replay;
  if (!replay.empty()) return learn(self, replay.front().consumed);
  const auto& spec = state.spec();
  const auto step = state.learned_step + 1;
  ask<BatchLeased>(
      self, *state.context->waits, state.config.parts.ledger,
      {std::to_string(spec.task.tasks_per_step) + " complete groups for step " + std::to_string(step),
       "SimulatedUsers: their verdicts", batch_deadline},
      LeaseBatch{state.context->run, step, state.learned_step, spec.staleness_max,
                 spec.task.tasks_per_step, spec.deterministic},
      [self](BatchLeased& leased) { on_leased(self, leased); }, fail_on_error(self, "leasing a batch"));
}

// --- phases ----------------------------------------------------------------------------------

void finish(Self self) {
  auto& state = self->state;
  if (!state.config.observer->has_evaluation("after")) {
    state.is_closing = true;
    enter(self, "evaluating after");
    return evaluate(self, "after", 0, state.spec().evaluation.samples_per_task);
  }
  if (!state.spec().publish.enabled) return end(self, {.status = RunStatus::finished});
  enter(self, "publishing the checkpoint");
  ask<CheckpointWritten>(
      self, *state.context->waits, state.config.parts.publisher,
      {"the checkpoint on disk", "Publisher: writing and syncing it", snapshot_deadline},
      WriteCheckpoint{state.config.checkpoint_folder},
      [self](const CheckpointWritten& written) {
        auto kept = self->state.config.observer->checkpoint_written(written, self->state.learned_step);
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

// Looks at the whole run and does what can be done next; called after every event.
void advance(Self self) {
  auto& state = self->state;
  if (state.has_ended) return;
  const bool is_busy = state.is_learning || state.is_publishing || state.is_saving;
  if (state.is_stopping) {
    if (!is_busy && !state.is_planning)
      end(self, {.status = RunStatus::interrupted, .reason = state.stop_reason});
    return;
  }
  if (state.may_publish()) return publish(self);
  // A replay that must first let conversations be sampled by an earlier version waits for them.
  const bool is_replaying = !state.config.resume.replay.empty();
  const bool replay_waits = is_replaying && state.spec().deterministic &&
                            (state.progress.version < state.newest.version || !state.users.empty() ||
                             state.is_planning ||
                             (!state.unfinished.empty() && state.may_talk(state.unfinished.front())));
  if (is_replaying && !state.is_learning && !replay_waits) return take_step(self);
  use_credits(self);
  if (is_replaying || state.is_learning) return;
  if (state.all_steps_learned()) {
    if (!is_busy && state.evaluations_under_way == 0) finish(self);
  } else if (is_over_time(self)) {
    state.is_stopping = true;
    state.stop_reason = "budget.minutes is used up";
    advance(self);
  } else if (!state.is_saving) {
    take_step(self);
  }
}

void begin_learning(Self self) {
  enter(self, self->state.config.resume.replay.empty() ? "learning" : "replaying committed steps");
  advance(self);
}

// The first publication, then the measurement before anything is learned.
void begin(Self self) {
  auto& state = self->state;
  if (state.learned_step > 0 || state.config.observer->has_evaluation("before"))
    return begin_learning(self);
  enter(self, "evaluating before");
  ++state.evaluations_under_way;
  ask<Evaluated>(
      self, *state.context->waits, state.config.parts.evaluator,
      {"evaluation 'before'", "Evaluator: its conversations", evaluate_deadline},
      Evaluate{"before", state.config.initial, 0, state.spec().evaluation.samples_per_task},
      [self](const Evaluated& evaluated) {
        --self->state.evaluations_under_way;
        if (auto kept = self->state.config.observer->evaluated(evaluated); !kept)
          return fail_run(self, "keeping an evaluation", kept.error());
        begin_learning(self);
      },
      fail_on_error(self, "evaluating"));
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
          return fail_run(self, "loading the snapshot",
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
  return {
      [self](StartRun) { on_start(self); },
      [self](const StopRun& request) {
        self->state.is_stopping = true;
        self->state.stop_reason = request.reason;
        advance(self);
      },
      [self](const ConversationEnded& ended) { on_ended(self, ended); },
      [self](const PartDied& died) {
        if (!died.restarted)
          fail_run(self, died.part + " died", {Failure::unavailable, died.reason});
      },
  };
}

}  // namespace

PolicyVersion version_of_group(std::uint64_t group, std::uint32_t tasks_per_step,
                               std::uint32_t staleness_max) {
  const std::uint64_t step = group / tasks_per_step + 1;
  return step - std::min<std::uint64_t>(step, 1 + staleness_max);
}

Experiment spawn_experiment(caf::actor_system& system, RunContextPtr context,
                            ExperimentConfig config, Placement placement) {
  return spawn_placed(system, placement, behavior, std::move(context), std::move(config));
}

}  // namespace flywheel
