// The tool `files`: looks into a file of the conversation's container: columns of a CSV, lines of a
// text, the text of a PDF. Files are parsed in the sandbox only, never in this process.
#pragma once

#include <memory>

#include "runtime/tools/tool.hpp"

namespace flywheel {

std::shared_ptr<const Tool> file_tool(ToolLimits limits);

}  // namespace flywheel
