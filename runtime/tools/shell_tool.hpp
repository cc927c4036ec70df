// The tool `shell`: one command line in the conversation's container. Files stay from call to call,
// the shell itself does not.
#pragma once

#include <memory>

#include "runtime/tools/tool.hpp"

namespace flywheel {

std::shared_ptr<const Tool> shell_tool(ToolLimits limits);

}  // namespace flywheel
