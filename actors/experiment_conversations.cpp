// Experiment's conversations: credits, rollouts planned, talked through, given up.
#include <algorithm>
#include <utility>

#include "actors/experiment_state.hpp"
#include "runtime/base/log.hpp"

namespace flywheel::experiment {
namespace {

constexpr int talk_attempts_max = 3;

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
  config.tools = parts.tools;
  config.ledger = parts.ledger;
  config.observer = Experiment{self};
  auto user = spawn_simulated_user(self->system(), state.context, std::move(config));
  self->monitor(user);
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
      {std::to_string(count) + " rollouts marked as running", "Ledger: a synced write",
       store_deadline},
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

}  // namespace

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

namespace {

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
      {"rollout " + std::to_string(rollout.index) + " discarded", "Ledger: a synced write",
       store_deadline},
      DiscardRollouts{{rollout.id}, reason}, [self](Stored&) { advance(self); },
      fail_on_error(self, "discarding a rollout"));
}

// What is stored of a rollout whose user broke: it may have come further than the user could tell.
void go_on_with(Self self, Rollout stored, const std::string& failure) {
  auto& state = self->state;
  state.rollouts.erase(stored.index);
  const bool is_open =
      stored.state == RolloutState::running || stored.state == RolloutState::finished;
  if (is_open && !state.is_stopping) {
    if (++state.attempts[stored.index] >= talk_attempts_max) return give_up(self, stored, failure);
    log_warning("{}; tried again", failure);
    // Talked through again where it is still running; what is finished is only judged.
    return talk(self, std::move(stored));
  }
  // Who leases counts the groups that are too old for it.
  if (stored.state == RolloutState::discarded && stored.discard_reason != discarded_as_stale)
    count_discarded(state, stored.group_index);
  report_progress(self);
  advance(self);
}

void look_up(Self self, const Rollout& rollout, const std::string& failure) {
  auto& state = self->state;
  ask<RolloutBatch>(
      self, *state.context->waits, state.config.parts.ledger,
      {"rollout " + std::to_string(rollout.index) + " as it is stored", "Ledger: reading it",
       store_deadline},
      ReadRollouts{{rollout.id}},
      [self, failure](RolloutBatch& batch) {
        go_on_with(self, std::move(batch.rollouts.front()), failure);
      },
      fail_on_error(self, "reading a rollout"));
}

}  // namespace

void on_conversation_ended(Self self, const ConversationEnded& ended) {
  auto& state = self->state;
  const auto found = state.rollouts.find(ended.index);
  if (found == state.rollouts.end() || state.has_ended) return;
  state.users.erase(ended.index);
  // It stays among the rollouts until its state is known: nothing is published over its head.
  if (!ended.failure.empty() && !state.is_stopping)
    return look_up(self, found->second, ended.failure);
  if (ended.was_discarded) count_discarded(state, found->second.group_index);
  state.rollouts.erase(found);
  report_progress(self);
  advance(self);
}

// One that has told how its conversation ended is no longer among the users.
void on_user_died(Self self, const caf::down_msg& down) {
  const auto& users = self->state.users;
  const auto found = std::find_if(users.begin(), users.end(), [&](const auto& each) {
    return each.second.address() == down.source;
  });
  if (found != users.end())
    on_conversation_ended(self, broken_conversation(found->first, down.reason));
}

}  // namespace flywheel::experiment
