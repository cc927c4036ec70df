#include "actors/evaluator.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <utility>

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

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

// One evaluation under way.
struct Evaluation {
  Evaluate request{};
  Promise promise;
  SteadyTime started{};
  std::vector<Rollout> planned{};  // by index
  std::size_t next = 0;            // of `planned`, the first that was not started
  std::map<std::uint64_t, SimulatedUser> talking{};
  Evaluated evaluated{};
};

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
  evaluation->promise.deliver(std::move(evaluation->evaluated));
  if (!state.queue.empty()) begin(self);
}

void start_conversations(Self self) {
  auto& state = self->state;
  auto& evaluation = *state.queue.front();
  const auto& spec = state.context->spec;
  while (evaluation.next < evaluation.planned.size() &&
         evaluation.talking.size() < state.config.in_flight_max) {
    const Rollout& rollout = evaluation.planned[evaluation.next++];
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
    self->send(user, NextTurn{});
    evaluation.talking.emplace(rollout.index, std::move(user));
  }
  if (evaluation.talking.empty()) end(self);
}

void begin(Self self) {
  auto& state = self->state;
  auto& evaluation = *state.queue.front();
  evaluation.started = state.context->clock->steady_now();
  evaluation.planned = state.plan(evaluation.request);
  evaluation.evaluated.name = evaluation.request.name;
  evaluation.evaluated.version = evaluation.request.weights.version;
  const auto& weights = evaluation.request.weights;
  ask<WeightsInstalled>(
      self, *state.context->waits, state.config.sampler,
      {"the evaluation's sampler to take version " + std::to_string(weights.version),
       "Sampler: hashing what it holds", install_deadline},
      InstallWeights{weights}, [self](const WeightsInstalled&) { start_conversations(self); },
      [self](const Error& error) {
        self->state.queue.front()->promise.deliver(to_caf(error));
        self->state.queue.pop_front();
        if (!self->state.queue.empty()) begin(self);
      });
}

void on_ended(Self self, ConversationEnded& ended) {
  auto& evaluation = *self->state.queue.front();
  evaluation.talking.erase(ended.index);
  if (ended.failure.empty()) {
    evaluation.evaluated.rollouts.push_back(std::move(ended.rollout));
  } else {
    ++evaluation.evaluated.broken_count;
    log_warning("evaluation '{}': {}", evaluation.request.name, ended.failure);
  }
  start_conversations(self);
}

Evaluator::behavior_type behavior(Self self, RunContextPtr context, EvaluatorConfig config) {
  self->state.context = std::move(context);
  self->state.config = std::move(config);
  self->set_exit_handler([self](const caf::exit_msg& exit) {
    for (const auto& evaluation : self->state.queue)
      for (const auto& [index, user] : evaluation->talking) self->send_exit(user, exit.reason);
    self->quit(exit.reason);
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
