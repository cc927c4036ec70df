// Evaluator measures weights on tasks that training never sees, with a sampler and credits of its
// own, so that it neither waits for training nor mixes versions.
//
//   Experiment ──Evaluate──▶ Evaluator ──InstallWeights──▶ its Sampler
//   Evaluator ──NextTurn──▶ SimulatedUsers ──ConversationEnded──▶ Evaluator ──Evaluated──▶
//   Experiment
//
// Guarantees: all conversations of an evaluation are sampled by one version; the same weights, seed
//             and tasks give the same conversations; a conversation that broke is tried again after
//             the sampler proved its weights anew, then counted apart, never as a failure of the
//             model. Where more than a twentieth broke, the evaluation is refused. One evaluation
//             at a time; another one waits its turn.
// Runs on:    the shared scheduler; no handler blocks.
// If it dies: the run stops; a resume repeats the evaluation that was under way, of a step whose
//             weights come back: the snapshot's and those that are replayed.
#pragma once

#include <optional>
#include <vector>

#include <caf/fwd.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "actors/grader.hpp"
#include "actors/messages/messages.hpp"
#include "actors/run_context.hpp"
#include "actors/sampler.hpp"
#include "actors/tool_host.hpp"

namespace flywheel {

using Evaluator =
    caf::typed_actor<caf::replies_to<Evaluate>::with<Evaluated>,  // once all conversations ended
                     caf::reacts_to<ConversationEnded>>;          // from its simulated users

struct EvaluatorConfig {
  Sampler sampler{};
  GraderActor grader{};
  std::optional<ToolHost> tools{};  // absent where the tasks have none
  std::vector<Task> held_out{};
  std::vector<Task> hand_written{};
  std::uint32_t in_flight_max = 128;  // conversations at once
};

Evaluator spawn_evaluator(caf::actor_system& system, RunContextPtr context, EvaluatorConfig config);

}  // namespace flywheel
