// Judges one_line_functions: the function of the answer, run against every golden pair.
#pragma once

#include "runtime/grading/code_grader.hpp"

namespace flywheel {

const Grader& one_line_function_grader();

}  // namespace flywheel
