// SimulatedUser holds one conversation with the model, has it judged, and (in training) makes it
// durable before it says that it is over.
//
//   Experiment or Evaluator ──NextTurn──▶ SimulatedUser ⇄ Sampler (Generate, a turn at a time)
//   SimulatedUser ⇄ ToolHost (RunTools, where the model's turn calls tools; then it goes on)
//   SimulatedUser ──FinishRollout, GradeRollout──▶ Ledger      ──GradeTranscript──▶ GraderActor
//   SimulatedUser ──ConversationEnded──▶ ConversationObserver
//
// Guarantees: exactly one ConversationEnded; the tokens of a later turn extend the earlier ones
//             exactly, tool results included, and these carry no loss; between two of the user's
//             moves at most tools.calls_max calls are run; a rollout that had finished before a
//             crash is only judged, not talked again; a verdict of infra_error is asked for again,
//             then the rollout is discarded with the grader's note, never rewarded with 0.
// Runs on:    the shared scheduler; one actor a conversation, from its first to its last turn.
// If it dies: its observer, which monitors it, has the rollout talked through again.
#pragma once

#include <optional>

#include <caf/fwd.hpp>
#include <caf/typed_actor.hpp>

#include "actors/grader.hpp"
#include "actors/ledger.hpp"
#include "actors/messages/messages.hpp"
#include "actors/run_context.hpp"
#include "actors/sampler.hpp"
#include "actors/tool_host.hpp"

namespace flywheel {

using SimulatedUser = caf::typed_actor<caf::reacts_to<NextTurn>>;  // begins to talk

using ConversationObserver =
    caf::typed_actor<caf::reacts_to<ConversationEnded>>;  // who had it started

struct ConversationConfig {
  Rollout rollout{};       // id, indices and task; a finished one brings its transcript
  std::uint64_t seed = 0;  // with task, sample and turn: the key of what is sampled
  SamplingParameters sampling{};
  Sampler sampler{};
  GraderActor grader{};
  std::optional<ToolHost> tools{};  // absent where no task of the run has tools
  std::optional<Ledger> ledger{};   // absent for evaluations, which keep their own transcripts
  ConversationObserver observer{};
};

SimulatedUser spawn_simulated_user(caf::actor_system& system, RunContextPtr context,
                                   ConversationConfig config);

// What its observer makes of one that died without a word.
ConversationEnded broken_conversation(std::uint64_t index, const caf::error& reason);

}  // namespace flywheel
