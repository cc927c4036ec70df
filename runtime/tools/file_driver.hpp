// The Python program that looks into a file inside the sandbox; file_tool.cpp starts it.
#pragma once

#include <string>

namespace flywheel {

// `python3 -c` this, with the action, the path and the first line as arguments. It prints text for
// the model; exit code 1 and one line where the file can't be read.
const std::string& file_driver();

}  // namespace flywheel
