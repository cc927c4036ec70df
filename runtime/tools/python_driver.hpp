// The Python program that runs a cell inside the sandbox; python_cell.cpp starts it.
#pragma once

#include <string>

namespace flywheel {

// `python3 -c` this, with the answer's path and the bytes of a result's text as arguments and the
// cell on stdin.
const std::string& python_driver();

}  // namespace flywheel
