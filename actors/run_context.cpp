#include "actors/run_context.hpp"

#include "runtime/grading/grader_registry.hpp"
#include "runtime/model/checkpoint.hpp"
#include "runtime/tasks/task_registry.hpp"

namespace flywheel {
namespace {

// As the spec asks, or as the CPU does fast.
Precision precision_of(PrecisionChoice choice) {
  switch (choice) {
    case PrecisionChoice::float32:
      return Precision::float32;
    case PrecisionChoice::bfloat16:
      return Precision::bfloat16;
    case PrecisionChoice::automatic:
      break;
  }
  return fastest_precision();
}

}  // namespace

Result<RunContextPtr> make_run_context(RunId run, const ExperimentSpec& spec,
                                       const Checkpoint& checkpoint, WaitRegistry& waits,
                                       ComputeGate& gate, const Clock& clock) {
  auto context = std::make_shared<RunContext>();
  context->run = run;
  context->spec = spec;
  context->precision = precision_of(spec.model.precision);
  context->turn_tokens =
      std::make_shared<TurnTokens>(checkpoint.tokenizer, checkpoint.chat_template);
  FLYWHEEL_TRY(context->family, find_task_family(spec.task.family));
  FLYWHEEL_TRY(context->grader, find_grader(context->family->grader()));
  context->waits = &waits;
  context->gate = &gate;
  context->clock = &clock;
  return context;
}

}  // namespace flywheel
