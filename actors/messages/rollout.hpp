// The conversation that makes rollouts: tasks are handed out, talked through and judged.
//
//   Experiment ──NextTasks──▶ Dataset
//   SimulatedUser ──Generate──▶ Sampler      SimulatedUser ──GradeTranscript──▶ Grader
//   SimulatedUser ──ConversationEnded──▶ Experiment or Evaluator
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "actors/messages/records.hpp"
#include "runtime/inference/engine.hpp"

namespace flywheel {

// Asks for the tasks at positions first .. first + count - 1 of the training order.
struct NextTasks {
  std::uint64_t first = 0;
  std::uint32_t count = 0;
};
struct TaskBatch {
  std::vector<Task> tasks{};
};

// Asks for one turn; answered when its last token is sampled.
struct Generate {
  GenerateRequest request{};  // its id is the sampler's to give
};
struct Generated {
  Generation generation{};
};

struct GradeTranscript {
  Task task{};
  Transcript transcript{};
};

// A worker of the GraderActor has judged.
struct JudgementEnded {
  std::uint64_t job = 0;
  Verdict verdict{};
};

// A conversation is over: judged and (in training) durable, or broken with the reason in `failure`.
struct ConversationEnded {
  std::uint64_t index = 0;     // the rollout's index, or the evaluation's
  std::string failure{};       // empty = it ended well
  bool was_discarded = false;  // nobody could judge it; the ledger has the reason
  std::uint32_t tokens_sampled = 0;
  Rollout rollout{};  // with transcript and verdict; filled for evaluations only
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, NextTasks& x) {
  return f(caf::meta::type_name("NextTasks"), x.first, x.count);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, TaskBatch& x) {
  return f(caf::meta::type_name("TaskBatch"), x.tasks);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, SamplingParameters& x) {
  auto temperature = as_bits(x.temperature);
  auto top_p = as_bits(x.top_p);
  return f(caf::meta::type_name("SamplingParameters"), temperature, x.top_k, top_p, x.tokens_max,
           x.ignore_end, x.stop_tokens, x.stop_sequences);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, GenerateRequest& x) {
  auto prompt = as_raw(x.prompt);
  return f(caf::meta::type_name("GenerateRequest"), x.id, prompt, x.sampling, x.key.value);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Generate& x) {
  return f(caf::meta::type_name("Generate"), x.request);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, VersionRun& x) {
  return f(caf::meta::type_name("VersionRun"), x.version, x.token_count);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Generation& x) {
  auto tokens = as_raw(x.tokens);
  auto log_probabilities = as_raw(x.log_probabilities);
  auto finish = as_number(x.finish);
  return f(caf::meta::type_name("Generation"), x.id, tokens, log_probabilities, x.versions, finish,
           x.prompt_tokens_reused, x.failure);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Generated& x) {
  return f(caf::meta::type_name("Generated"), x.generation);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, GradeTranscript& x) {
  return f(caf::meta::type_name("GradeTranscript"), x.task, x.transcript);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, JudgementEnded& x) {
  return f(caf::meta::type_name("JudgementEnded"), x.job, x.verdict);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ConversationEnded& x) {
  return f(caf::meta::type_name("ConversationEnded"), x.index, x.failure, x.was_discarded,
           x.tokens_sampled, x.rollout);
}

}  // namespace flywheel
