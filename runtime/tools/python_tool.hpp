// The tool `python`: a notebook cell in the conversation's container. The value of its last
// expression comes back as in a notebook, plots come back as pictures. Files stay from call to
// call, variables do not.
#pragma once

#include <memory>

#include "runtime/tools/tool.hpp"

namespace flywheel {

std::shared_ptr<const Tool> python_tool(ToolLimits limits);

}  // namespace flywheel
