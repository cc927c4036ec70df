// How a command that ran in a workbench reads to a model.
#pragma once

#include <string>

#include "runtime/tools/tool.hpp"
#include "runtime/tools/workbench.hpp"

namespace flywheel {

// What became of it: done for exit code 0, failed for others, timeout at its wall time.
ToolStatus status_of(const BenchResult& result);

// "exit code 1", "stopped after 10 s", "killed: out of memory", ...; empty for exit code 0.
std::string end_text(const BenchResult& result, const ToolLimits& limits);

// Our side could not run it.
ToolResult unavailable(const Error& error);

}  // namespace flywheel
