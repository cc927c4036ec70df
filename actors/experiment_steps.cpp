// Experiment's steps: leasing a batch, learning, committing, publishing, measuring, snapshots.
#include <algorithm>
#include <utility>

#include "actors/experiment_state.hpp"
#include "runtime/base/log.hpp"

namespace flywheel::experiment {

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

void evaluate(Self self, const std::string& name, const LocalWeights& weights, std::uint32_t tasks,
              std::uint32_t samples) {
  auto& state = self->state;
  ++state.evaluations_under_way;
  const bool may_be_missed = name != "before" && name != "after";  // a point of a curve
  ask<Evaluated>(
      self, *state.context->waits, state.config.parts.evaluator,
      {"evaluation '" + name + "'", "Evaluator: its conversations", evaluate_deadline},
      Evaluate{name, weights, tasks, samples},
      [self](const Evaluated& evaluated) {
        --self->state.evaluations_under_way;
        if (auto kept = self->state.config.observer->evaluated(evaluated); !kept)
          return fail_run(self, "keeping an evaluation", kept.error());
        advance(self);
      },
      [self, may_be_missed](const Error& error) {
        --self->state.evaluations_under_way;
        if (!may_be_missed) return fail_run(self, "evaluating", error);
        log_error("evaluating: {}; the run goes on without it", to_string(error));
        advance(self);
      });
}

void evaluate_if_due(Self self) {
  auto& state = self->state;
  const auto& evaluation = state.spec().evaluation;
  const auto step = state.learned_step;
  if (evaluation.every_steps == 0 || step == 0 || step % evaluation.every_steps != 0) return;
  const std::string name = "step " + std::to_string(step);
  if (state.all_steps_learned() || state.config.observer->has_evaluation(name)) return;
  evaluate(self, name, state.newest, evaluation.tasks_during, 1);
}

namespace {

void save_snapshot(Self self, std::uint64_t step, Hash128 committed) {
  auto& state = self->state;
  state.is_saving = true;
  ask<SnapshotSaved>(
      self, *state.context->waits, state.config.parts.learner,
      {"the snapshot after step " + std::to_string(step), "SnapshotWriter: the file synced",
       snapshot_deadline},
      SaveSnapshot{step, state.config.snapshot_folder + "/step_" + std::to_string(step)},
      [self, committed](const SnapshotSaved& saved) {
        self->state.is_saving = false;
        if (saved.hash != committed)
          return fail_run(
              self, "saving a snapshot",
              {Failure::hash_mismatch, saved.path + " holds state " + to_string(saved.hash) + ", " +
                                           to_string(committed) + " was committed"});
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
  if (state.ends_in_snapshot(learned.step)) save_snapshot(self, learned.step, learned.state_hash);
  evaluate_if_due(self);
  report_progress(self);
  advance(self);
}

void commit(Self self, const std::shared_ptr<StepLearned>& learned) {
  auto& state = self->state;
  ask<Stored>(
      self, *state.context->waits, state.config.parts.ledger,
      {"step " + std::to_string(learned->step) + " committed", "Ledger: a synced write",
       store_deadline},
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
                      .rolled_back = true,
                      .snapshot_step = state.config.resume.snapshot_step});
  state.newest = learned.weights;
  if (state.config.resume.replay.empty()) state.progress.phase = "learning";
  evaluate_if_due(self);  // a kill in its midst would leave a hole in the curve
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
  state.is_learning = true;
  const auto step = state.learned_step + 1;
  ask<StepLearned>(
      self, *state.context->waits, state.config.parts.learner,
      {"step " + std::to_string(step) + " learned", "Learner: forward, backward, optimiser",
       learn_deadline},
      LearnStep{step, std::move(ids)}, [self](StepLearned& learned) { on_learned(self, learned); },
      fail_on_error(self, "learning"));
}

void on_leased(Self self, BatchLeased& leased) {
  auto& state = self->state;
  state.is_leasing = false;
  if (state.is_stopping) return advance(self);  // a resume releases the lease
  if (!leased.discarded.empty()) {              // too old: others are made in their place
    state.given_up_groups += leased.discarded_group_count;
    return advance(self);
  }
  learn(self, std::move(leased.ids));
}

}  // namespace

void take_step(Self self) {
  auto& state = self->state;
  auto& replay = state.config.resume.replay;
  if (!replay.empty()) return learn(self, replay.front().consumed);
  state.is_leasing = true;
  const auto& spec = state.spec();
  const auto step = state.learned_step + 1;
  ask<BatchLeased>(
      self, *state.context->waits, state.config.parts.ledger,
      {std::to_string(spec.task.tasks_per_step) + " complete groups for step " +
           std::to_string(step),
       "SimulatedUsers: their verdicts", batch_deadline},
      LeaseBatch{state.context->run, step, state.learned_step, spec.staleness_max,
                 spec.task.tasks_per_step, spec.deterministic},
      [self](BatchLeased& leased) { on_leased(self, leased); },
      fail_on_error(self, "leasing a batch"));
}

}  // namespace flywheel::experiment
