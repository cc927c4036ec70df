// RunContext is what all parts of one run share: who they are, what the spec says, how to talk in
// the model's tokens, and where waits are written down. Immutable while the run lasts.
#pragma once

#include <memory>

#include "actors/config.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/grading/grader.hpp"
#include "runtime/model/turn_tokens.hpp"
#include "runtime/model/weights_handle.hpp"
#include "runtime/system/compute_gate.hpp"
#include "runtime/system/waits.hpp"
#include "runtime/tasks/task_family.hpp"

namespace flywheel {

struct Checkpoint;

struct RunContext {
  RunId run{};
  ExperimentSpec spec{};
  Precision precision = Precision::float32;
  std::shared_ptr<const TurnTokens> turn_tokens{};
  const TaskFamily* family = nullptr;
  const Grader* grader = nullptr;
  WaitRegistry* waits = nullptr;  // outlives the run, as the gate and the clock do
  ComputeGate* gate = nullptr;
  const Clock* clock = nullptr;
};

using RunContextPtr = std::shared_ptr<const RunContext>;

// Of a model and a spec that names a known task family; the waits, the gate and the clock outlive
// it.
Result<RunContextPtr> make_run_context(RunId run, const ExperimentSpec& spec,
                                       const Checkpoint& checkpoint, WaitRegistry& waits,
                                       ComputeGate& gate, const Clock& clock);

}  // namespace flywheel
