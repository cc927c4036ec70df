#include "actors/run_means.hpp"

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

Result<RunMeans> open_run_means(const ExperimentSpec& spec, SandboxProvider& sandbox) {
  RunMeans means;
  FLYWHEEL_TRY(means.family, open_task_family(spec.task.family, spec.task.parameters));
  FLYWHEEL_TRY(means.grader, find_grader(means.family->grader()));
  FLYWHEEL_TRY(means.tools, open_tool_setup(spec, *means.family, *means.grader, sandbox));
  return means;
}

RunContextPtr make_run_context(RunId run, const ExperimentSpec& spec, const Checkpoint& checkpoint,
                               const RunMeans& means, WaitRegistry& waits, ComputeGate& gate,
                               const Clock& clock) {
  auto context = std::make_shared<RunContext>();
  context->run = run;
  context->spec = spec;
  context->precision = precision_of(spec.model.precision);
  context->turn_tokens =
      std::make_shared<TurnTokens>(checkpoint.tokenizer, checkpoint.chat_template);
  context->family = means.family;
  context->grader = means.grader;
  context->toolbox = means.tools.toolbox;
  context->judge_code = means.tools.judge_code;
  context->waits = &waits;
  context->gate = &gate;
  context->clock = &clock;
  return context;
}

}  // namespace flywheel
