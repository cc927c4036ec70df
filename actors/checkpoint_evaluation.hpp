// Measures a checkpoint by itself, outside of any run: the Evaluator with a sampler and a grader of
// its own, no ledger, no workspace.
#pragma once

#include "actors/config.hpp"
#include "actors/evaluation_file.hpp"
#include "runtime/model/checkpoint.hpp"

namespace flywheel {

// `tasks` of the spec's held-out tasks, 0 = all and the hand-written ones.
Result<EvaluationFile> evaluate_checkpoint(const Checkpoint& checkpoint, const ExperimentSpec& spec,
                                           std::uint32_t tasks, std::uint32_t samples_per_task);

}  // namespace flywheel
