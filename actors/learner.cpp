#include "actors/learner.hpp"

#include <algorithm>
#include <utility>

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include "actors/train_batch.hpp"
#include "runtime/base/log.hpp"
#include "runtime/system/caf_failure.hpp"
#include "runtime/system/request.hpp"

namespace flywheel {
namespace {

using namespace std::chrono_literals;
using StepPromise = caf::typed_response_promise<StepLearned>;

constexpr auto read_deadline = 2min;
constexpr double memory_reserve = 512.0 * (1 << 20);  // bytes that a snapshot's copy leaves free

struct State {
  static inline const char* name = "learner";

  RunContextPtr context;
  LearnerConfig config;
  std::unique_ptr<Trainer> trainer;

  Result<StepLearned> learn(const LearnStep& request, const std::vector<Rollout>& rollouts);
  Result<> take_step(const TrainBatch& batch, TrainReport& report);
};

Result<> State::take_step(const TrainBatch& batch, TrainReport& report) {
  ComputeGate::Turn turn{*context->gate, name};
  trainer->on_pause([&turn] { turn.yield(); });
  auto stepped = trainer->step(batch);
  trainer->on_pause({});
  if (!stepped) return fail(stepped.error());
  report = *stepped;
  return {};
}

Result<StepLearned> State::learn(const LearnStep& request, const std::vector<Rollout>& rollouts) {
  const auto start = context->clock->steady_now();
  const PolicyVersion version = request.step - 1;
  StepLearned learned;
  learned.step = request.step;
  learned.consumed = request.ids;
  for (const Rollout& rollout : rollouts) {
    learned.reward_mean += rollout.verdict.reward / static_cast<double>(rollouts.size());
    if (!rollout.verdict.turns.empty() && rollout.verdict.turns.front().passed)
      learned.first_turn_pass_rate += 1.0 / static_cast<double>(rollouts.size());
    ++learned.staleness[version - std::min(version, rollout.oldest_version)];
  }
  const TrainBatch batch = make_train_batch(rollouts, context->spec.trainer.algorithm, version);
  if (!batch.sequences.empty()) FLYWHEEL_TRY_VOID(take_step(batch, learned.report));
  learned.report.step = request.step;
  learned.state_hash = trainer->state_hash();
  learned.weights = make_local_weights(trainer->weights(context->precision), request.step);
  learned.learn_seconds =
      std::chrono::duration<double>(context->clock->steady_now() - start).count();
  return learned;
}

void learn_step(Learner::stateful_pointer<State> self, LearnStep request, StepPromise promise) {
  auto& state = self->state;
  WaitFor wait_for{"the " + std::to_string(request.ids.size()) + " rollouts of step " +
                       std::to_string(request.step),
                   "Ledger: reading them", read_deadline};
  ReadRollouts read{request.ids};
  ask<RolloutBatch>(
      self, *state.context->waits, state.config.ledger, std::move(wait_for), std::move(read),
      [self, request = std::move(request), promise](RolloutBatch& batch) mutable {
        auto learned = self->state.learn(request, batch.rollouts);
        if (learned)
          promise.deliver(std::move(*learned));
        else
          promise.deliver(to_caf(learned.error()));
      },
      [promise](const Error& error) mutable { promise.deliver(to_caf(error)); });
}

// By the writer, of a copy, while learning goes on; where no copy fits, here and now.
caf::result<SnapshotSaved> save_snapshot(Learner::stateful_pointer<State> self,
                                         const SaveSnapshot& request) {
  const auto& state = self->state;
  const double usable_bytes = std::max(0.0, state.config.usable_memory_bytes() - memory_reserve);
  auto copy = state.trainer->copy_state(static_cast<std::uint64_t>(usable_bytes));
  if (copy)
    return self->delegate(state.config.snapshot_writer,
                          WriteSnapshot{request.step, request.path, std::move(*copy)});
  if (copy.error().failure != Failure::resource_exhausted) return to_caf(copy.error());
  log_info("the snapshot holds learning up: {}", copy.error().message);
  auto saved = state.trainer->save(request.path);
  if (!saved) return to_caf(saved.error());
  return SnapshotSaved{request.step, request.path, *saved};
}

Learner::behavior_type behavior(Learner::stateful_pointer<State> self, RunContextPtr context,
                                LearnerConfig config) {
  keep_words(self);
  self->state.context = std::move(context);
  self->state.config = std::move(config);
  if (auto trainer = self->state.config.make_trainer())
    self->state.trainer = std::move(*trainer);
  else
    self->quit(to_caf(trainer.error()));
  return {
      [self](LearnStep& request) -> caf::result<StepLearned> {
        auto promise = self->make_response_promise<StepLearned>();
        learn_step(self, std::move(request), promise);
        return promise;
      },
      [self](const SaveSnapshot& request) { return save_snapshot(self, request); },
      [self](const LoadSnapshot& request) -> caf::result<SnapshotLoaded> {
        auto& trainer = *self->state.trainer;
        if (auto loaded = trainer.load(request.path); !loaded) return to_caf(loaded.error());
        return SnapshotLoaded{
            trainer.state_hash(),
            make_local_weights(trainer.weights(self->state.context->precision), request.step)};
      },
  };
}

}  // namespace

Learner spawn_learner(caf::actor_system& system, RunContextPtr context, LearnerConfig config,
                      Placement placement) {
  return spawn_placed(system, placement, behavior, std::move(context), std::move(config));
}

}  // namespace flywheel
