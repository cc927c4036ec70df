// RunContext is what all parts of one run share: who they are, what the spec says, how to talk in
// the model's tokens, and where waits are written down. Immutable while the run lasts.
#pragma once

#include <memory>

#include "actors/config.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/grading/code_grader.hpp"
#include "runtime/model/turn_tokens.hpp"
#include "runtime/model/weights_handle.hpp"
#include "runtime/system/compute_gate.hpp"
#include "runtime/system/waits.hpp"
#include "runtime/tasks/task_family.hpp"
#include "runtime/tools/toolbox.hpp"

namespace flywheel {

struct RunContext {
  RunId run{};
  ExperimentSpec spec{};
  Precision precision = Precision::float32;
  std::shared_ptr<const TurnTokens> turn_tokens{};
  std::shared_ptr<const TaskFamily> family{};
  const Grader* grader = nullptr;
  JudgeCode judge_code{};                    // empty where no sandbox is open
  std::shared_ptr<const Toolbox> toolbox{};  // null where no task of the run has tools
  WaitRegistry* waits = nullptr;             // outlives the run, as the gate and the clock do
  ComputeGate* gate = nullptr;
  const Clock* clock = nullptr;
};

using RunContextPtr = std::shared_ptr<const RunContext>;

}  // namespace flywheel
