// ToolSetup is what a run's tools and code graders stand on: the tools there are, and the sandbox.
//
// Guarantees: the sandbox is opened only where the task's tools or its grader run code; a tool that
//             the tasks use and the spec does not provide for is refused before the run starts.
#pragma once

#include <memory>

#include "actors/config.hpp"
#include "actors/model_line.hpp"
#include "actors/run_context.hpp"
#include "actors/sandbox_provider.hpp"
#include "actors/tool_host.hpp"

namespace flywheel {

struct ToolSetup {
  std::shared_ptr<const Toolbox> toolbox{};  // null where the tasks have no tools
  JudgeCode judge_code{};                    // empty where the grader is pure
  WorkbenchFactory make_workbench{};         // empty where no tool runs code
  std::shared_ptr<ModelLine> model_line{};   // of the tool `model`, to be connected; or null
};

Result<ToolSetup> open_tool_setup(const ExperimentSpec& spec, const TaskFamily& family,
                                  const Grader& grader, SandboxProvider& sandbox);

// The ToolHost's settings as the spec has them.
ToolHostConfig tool_host_config(const ExperimentSpec& spec, const ToolSetup& setup);

}  // namespace flywheel
