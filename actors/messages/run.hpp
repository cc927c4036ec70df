// The conversation that conducts a run: an Experiment is started and stopped, an Evaluator
// measures.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "actors/messages/records.hpp"
#include "actors/messages/weights.hpp"

namespace flywheel {

// Begins, or goes on after a resume.
struct StartRun {};

// Ends in good order: what is learned is committed, the run is left resumable.
struct StopRun {
  std::string reason{};
};

// Local only: carries weights. Measures them on the held-out tasks.
struct Evaluate {
  std::string name{};  // "before", "step 10", "after"
  LocalWeights weights{};
  std::uint32_t tasks = 0;  // of the held-out ones, from the first; 0 = all, hand-written too
  std::uint32_t samples_per_task = 1;
};
struct Evaluated {
  std::string name{};
  PolicyVersion version = 0;
  std::vector<Rollout> rollouts{};  // with transcripts and verdicts, by index
  std::uint32_t broken_count = 0;   // conversations that ended in an infrastructure error
  double seconds = 0.0;
};

// Tells an actor that runs a loop of its own to take its next turn.
struct NextTurn {};

// A part of a run died; `restarted` = its keeper started it again.
struct PartDied {
  std::string part{};
  std::string reason{};
  bool restarted = false;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, StartRun&) {
  return f(caf::meta::type_name("StartRun"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, StopRun& x) {
  return f(caf::meta::type_name("StopRun"), x.reason);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Evaluated& x) {
  auto seconds = as_bits(x.seconds);
  return f(caf::meta::type_name("Evaluated"), x.name, x.version, x.rollouts, x.broken_count,
           seconds);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, NextTurn&) {
  return f(caf::meta::type_name("NextTurn"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, PartDied& x) {
  return f(caf::meta::type_name("PartDied"), x.part, x.reason, x.restarted);
}

}  // namespace flywheel

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flywheel::Evaluate)
