// What actors of a run need in a test: a context on the tiny model, its tokenizer and its weights.
#pragma once

#include <memory>

#include "actors/run_context.hpp"
#include "runtime/grading/grader_registry.hpp"
#include "runtime/model/tiny_checkpoint.hpp"
#include "runtime/tasks/task_registry.hpp"

namespace flywheel::testing {

struct RunFixture {
  WaitRegistry waits{};
  ComputeGate gate{waits};
  ManualClock clock{};
  Checkpoint checkpoint = tiny_checkpoint(1);
  std::shared_ptr<RunContext> context = std::make_shared<RunContext>();

  RunFixture() {
    context->run = make_id<RunId>(clock);
    context->spec.model.context_length = 256;
    context->spec.sampling.tokens_max = 12;
    context->turn_tokens =
        std::make_shared<TurnTokens>(checkpoint.tokenizer, checkpoint.chat_template);
    context->family = *open_task_family("structured_requests", Json::object());
    context->grader = *find_grader(context->family->grader());
    context->waits = &waits;
    context->gate = &gate;
    context->clock = &clock;
  }
};

}  // namespace flywheel::testing
