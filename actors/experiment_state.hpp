// What the sources of Experiment share: its state, and the three parts of its work. No one else
// includes this.
//
//   experiment.cpp: phases, and advance(), which looks at everything after every event
//   experiment_conversations.cpp: credits, rollouts      experiment_steps.cpp: learning, publishing
#pragma once

#include <map>
#include <string>

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "actors/experiment.hpp"
#include "actors/simulated_user.hpp"
#include "runtime/system/request.hpp"

namespace flywheel::experiment {

inline constexpr std::chrono::minutes store_deadline{2};
inline constexpr std::chrono::minutes publish_deadline{10};
inline constexpr std::chrono::minutes batch_deadline{60};
inline constexpr std::chrono::minutes learn_deadline{60};
inline constexpr std::chrono::minutes evaluate_deadline{120};
inline constexpr std::chrono::minutes snapshot_deadline{10};

struct State {
  static inline const char* name = "experiment";

  RunContextPtr context;
  ExperimentConfig config;
  RunProgress progress;
  LocalWeights newest{};           // learned and committed
  std::uint64_t learned_step = 0;  // what the learner holds
  std::uint64_t next_group = 0;
  std::uint64_t given_up_groups = 0;
  std::deque<Rollout> unfinished;                // from before the resume, not yet talked through
  std::map<std::uint64_t, Rollout> rollouts;     // of `users`, and those whose user just broke
  std::map<std::uint64_t, SimulatedUser> users;  // by rollout index
  std::map<std::uint64_t, int> attempts;
  std::map<std::uint64_t, std::uint32_t> discarded;  // by group: rollouts that were given up
  SteadyTime started{};
  int evaluations_under_way = 0;
  bool is_planning = false;
  bool is_measuring_start = false;
  bool is_leasing = false;   // a batch is asked for: nothing of it is learned yet
  bool is_learning = false;  // until the step is committed
  bool is_publishing = false;
  bool is_saving = false;
  bool is_closing = false;  // the after-evaluation has begun
  bool is_stopping = false;
  bool has_ended = false;
  std::string stop_reason;

  const ExperimentSpec& spec() const { return context->spec; }
  bool all_steps_learned() const { return learned_step >= spec().budget.steps; }
  bool ends_in_snapshot(std::uint64_t step) const {
    const auto every = spec().snapshots.every_steps;
    return every > 0 && step % every == 0 && step < spec().budget.steps;
  }
  std::uint64_t groups_allowed() const;
  bool may_publish() const;
  bool is_taking_step() const { return is_leasing || is_learning; }
  bool may_talk(const Rollout& rollout) const;
  std::vector<Rollout> plan(const std::vector<Task>& tasks);
  StepRecord step_record(const StepLearned& learned) const;
};

using Self = Experiment::stateful_pointer<State>;

// Looks at the whole run and does what can be done next; called after every event.
void advance(Self self);

void end(Self self, RunOutcome outcome);
void fail_run(Self self, const std::string& doing, const Error& error);
void report_progress(Self self);

inline auto fail_on_error(Self self, const char* doing) {
  return [self, doing](const Error& error) { fail_run(self, doing, error); };
}

// Starts what the credits allow: first what a resume left over, then new groups.
void use_credits(Self self);
void on_conversation_ended(Self self, const ConversationEnded& ended);
void on_user_died(Self self, const caf::down_msg& down);

void publish(Self self);
void evaluate(Self self, const std::string& name, const LocalWeights& weights, std::uint32_t tasks,
              std::uint32_t samples);
// The point of the curve that the newest weights are, where it is one and not yet measured.
void evaluate_if_due(Self self);
void take_step(Self self);

}  // namespace flywheel::experiment
