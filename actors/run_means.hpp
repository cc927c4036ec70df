// RunMeans are what a spec names, opened: its task family, its grader, its tools and their sandbox.
// A run that lacks one of them does not start.
#pragma once

#include <memory>

#include "actors/run_context.hpp"
#include "actors/tool_setup.hpp"

namespace flywheel {

struct Checkpoint;

struct RunMeans {
  std::shared_ptr<const TaskFamily> family{};
  const Grader* grader = nullptr;
  ToolSetup tools{};
};

Result<RunMeans> open_run_means(const ExperimentSpec& spec, SandboxProvider& sandbox);

// The waits, the gate and the clock outlive the context.
RunContextPtr make_run_context(RunId run, const ExperimentSpec& spec, const Checkpoint& checkpoint,
                               const RunMeans& means, WaitRegistry& waits, ComputeGate& gate,
                               const Clock& clock);

}  // namespace flywheel
