#include "actors/evaluator.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <numeric>
#include <utility>

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>
#include <fmt/format.h>

#include "actors/simulated_user.hpp"
#include "runtime/base/hash.hpp"
#include "runtime/base/log.hpp"
#include "runtime/system/caf_failure.hpp"
#include "runtime/system/request.hpp"

namespace flywheel {
namespace {

using namespace std::chrono_literals;
using Promise = caf::typed_response_promise<Evaluated>;

constexpr auto install_deadline = 2min;
constexpr int talk_attempts_max = 3;
constexpr double broken_share_max = 0.05;  // of an evaluation's conversations

// One evaluation under way.
struct Evaluation {
  Evaluate request{};
  Promise promise;
  SteadyTime started{};
  std::vector<Rollout> planned{};     // by index
  std::deque<std::size_t> waiting{};  // of `planned`, what is still to be talked through
  std::map<std::uint64_t, SimulatedUser> talking{};
  std::map<std::uint64_t, int> attempts{};  // that broke, by index
  bool is_installing = false;               // nobody starts to talk meanwhile
  std::string last_failure{};
  Evaluated evaluated{};

  Result<> check() const;
};

// Too few conversations that could be judged say nothing about the weights.
Result<> Evaluation::check() const {
  auto broken = static_cast<std::size_t>(evaluated.broken_count);
  std::string why = last_failure;
  for (const Rollout& rollout : evaluated.rollouts) {
    if (rollout.verdict.status != VerdictStatus::infra_error) continue;
    ++broken;
    why = "infra_error: " + rollout.verdict.note;
  }
  if (static_cast<double>(broken) <= broken_share_max * static_cast<double>(planned.size()))
    return {};
  return fail(
      Failure::unavailable,
      fmt::format("evaluation '{}': {} of {} conversations broke, more than {:.0f} %, so it "
                  "does not count; the last one: {}",
                  request.name, broken, planned.size(), 100 * broken_share_max, why));
}

struct State {
  static inline const char* name = "evaluator";

  RunContextPtr context;
  EvaluatorConfig config;
  std::deque<std::shared_ptr<Evaluation>> queue;  // the front one is under way

  std::vector<Rollout> plan(const Evaluate& request) const;
};

std::vector<Rollout> State::plan(const Evaluate& request) const {
  std::vector<Task> tasks = config.held_out;
  if (request.tasks != 0)
    tasks.resize(std::min<std::size_t>(request.tasks, tasks.size()));
  else
    tasks.insert(tasks.end(), config.hand_written.begin(), config.hand_written.end());
  std::vector<Rollout> rollouts;
  for (std::size_t group = 0; group < tasks.size(); ++group) {
    for (std::uint32_t sample = 0; sample < request.samples_per_task; ++sample) {
      Rollout rollout;
      rollout.run = context->run;
      rollout.index = rollouts.size();
      rollout.id = derive_id<RolloutId>(context->run, (1ULL << 31) + rollout.index);
      rollout.group_index = group;
      rollout.sample_index = sample;
      rollout.task = tasks[group];
      rollouts.push_back(std::move(rollout));
    }
  }
  return rollouts;
}

using Self = Evaluator::stateful_pointer<State>;

void begin(Self self);

// Ends the evaluation under way with the reason.
void give_up(Self self, const Error& error) {
  auto& queue = self->state.queue;
  const auto evaluation = std::move(queue.front());
  queue.pop_front();
  for (const auto& [index, user] : evaluation->talking)
    self->send_exit(user, caf::exit_reason::user_shutdown);
  evaluation->promise.deliver(to_caf(error));
  if (!queue.empty()) begin(self);
}

void end(Self self) {
  auto& state = self->state;
  auto evaluation = std::move(state.queue.front());
  state.queue.pop_front();
  auto& rollouts = evaluation->evaluated.rollouts;
  std::sort(rollouts.begin(), rollouts.end(),
            [](const Rollout& a, const Rollout& b) { return a.index < b.index; });
  evaluation->evaluated.seconds =
      std::chrono::duration<double>(state.context->clock->steady_now() - evaluation->started)
          .count();
  if (auto checked = evaluation->check(); !checked)
    evaluation->promise.deliver(to_caf(checked.error()));
  else
    evaluation->promise.deliver(std::move(evaluation->evaluated));
  if (!state.queue.empty()) begin(self);
}

void talk(Self self, const Rollout& rollout) {
  auto& state = self->state;
  const auto& spec = state.context->spec;
  ConversationConfig config;
  config.rollout = rollout;
  config.seed = derive_key({spec.seed, hash_text("evaluation").low}).value;
  config.sampling = spec.sampling;
  config.sampling.temperature = spec.evaluation.temperature;
  config.sampler = state.config.sampler;
  config.grader = state.config.grader;
  config.tools = state.config.tools;
  config.observer = self;
  auto user = spawn_simulated_user(self->system(), state.context, std::move(config));
  self->monitor(user);
  self->send(user, NextTurn{});
  state.queue.front()->talking.insert_or_assign(rollout.index, std::move(user));
}

void start_conversations(Self self) {
  auto& evaluation = *self->state.queue.front();
  if (evaluation.is_installing) return;
  while (!evaluation.waiting.empty() &&
         evaluation.talking.size() < self->state.config.in_flight_max) {
    const auto next = evaluation.waiting.front();
    evaluation.waiting.pop_front();
    talk(self, evaluation.planned[next]);
  }
  if (evaluation.talking.empty()) end(self);
}

// Gives the sampler the evaluation's weights, then lets conversations start.
void install(Self self) {
  auto& state = self->state;
  auto& evaluation = *state.queue.front();
  if (evaluation.is_installing) return;
  evaluation.is_installing = true;
  const auto& weights = evaluation.request.weights;
  ask<WeightsInstalled>(
      self, *state.context->waits, state.config.sampler,
      {"the evaluation's sampler to take version " + std::to_string(weights.version),
       "Sampler: hashing what it holds", install_deadline},
      InstallWeights{weights},
      [self](const WeightsInstalled&) {
        self->state.queue.front()->is_installing = false;
        start_conversations(self);
      },
      [self](const Error& error) { give_up(self, error); });
}

void begin(Self self) {
  auto& state = self->state;
  auto& evaluation = *state.queue.front();
  evaluation.started = state.context->clock->steady_now();
  evaluation.planned = state.plan(evaluation.request);
  evaluation.waiting.resize(evaluation.planned.size());
  std::iota(evaluation.waiting.begin(), evaluation.waiting.end(), std::size_t{0});
  evaluation.evaluated.name = evaluation.request.name;
  evaluation.evaluated.version = evaluation.request.weights.version;
  install(self);
}

// A conversation that broke is tried again once the sampler has proven its weights again: it may
// have died, and come back without any.
void on_broken(Self self, std::uint64_t index, const std::string& failure) {
  auto& evaluation = *self->state.queue.front();
  evaluation.last_failure = failure;
  const bool is_given_up = ++evaluation.attempts[index] >= talk_attempts_max;
  log_warning("evaluation '{}': {}; {}", evaluation.request.name, failure,
              is_given_up ? "given up" : "tried again");
  if (is_given_up)
    ++evaluation.evaluated.broken_count;
  else
    evaluation.waiting.push_back(index);
  install(self);
}

void on_ended(Self self, ConversationEnded& ended) {
  if (self->state.queue.empty()) return;
  auto& evaluation = *self->state.queue.front();
  if (evaluation.talking.erase(ended.index) == 0) return;
  if (!ended.failure.empty()) return on_broken(self, ended.index, ended.failure);
  evaluation.evaluated.rollouts.push_back(std::move(ended.rollout));
  start_conversations(self);
}

// One that has told how its conversation ended no longer talks.
void on_user_died(Self self, const caf::down_msg& down) {
  if (self->state.queue.empty()) return;
  const auto& talking = self->state.queue.front()->talking;
  const auto found = std::find_if(talking.begin(), talking.end(), [&](const auto& each) {
    return each.second.address() == down.source;
  });
  if (found == talking.end()) return;
  auto ended = broken_conversation(found->first, down.reason);
  on_ended(self, ended);
}

void stop_users(Self self, const caf::error& reason) {
  for (const auto& evaluation : self->state.queue)
    for (const auto& [index, user] : evaluation->talking) self->send_exit(user, reason);
}

Evaluator::behavior_type behavior(Self self, RunContextPtr context, EvaluatorConfig config) {
  self->state.context = std::move(context);
  self->state.config = std::move(config);
  self->set_down_handler([self](const caf::down_msg& down) { on_user_died(self, down); });
  self->set_exit_handler([self](const caf::exit_msg& exit) {
    stop_users(self, exit.reason);
    self->quit(exit.reason);
  });
  self->set_exception_handler([self](std::exception_ptr& thrown) -> caf::error {
    stop_users(self, caf::exit_reason::user_shutdown);
    return to_caf(thrown);
  });
  return {
      [self](Evaluate& request) -> caf::result<Evaluated> {
        auto evaluation = std::make_shared<Evaluation>();
        evaluation->request = std::move(request);
        evaluation->promise = self->make_response_promise<Evaluated>();
        self->state.queue.push_back(evaluation);
        if (self->state.queue.size() == 1) begin(self);
        return evaluation->promise;
      },
      [self](ConversationEnded& ended) { on_ended(self, ended); },
  };
}

}  // namespace

Evaluator spawn_evaluator(caf::actor_system& system, RunContextPtr context,
                          EvaluatorConfig config) {
  return system.spawn(behavior, std::move(context), std::move(config));
}

}  // namespace flywheel
