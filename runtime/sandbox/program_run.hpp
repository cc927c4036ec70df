// Runs another program of the host to its end. For building images, not for people's commands.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"

namespace flywheel {

// Standard output and error together, their last 64 KiB. An error names the program and the last
// line that it wrote; what passes the deadline is killed with its process group.
Result<std::string> run_program(const std::vector<std::string>& command,
                                std::chrono::steady_clock::time_point deadline);

}  // namespace flywheel
