// Judges repo_functions: the function of the answer in place of the blank one, run against the
// golden pairs in a container that the conversation never saw, then against the hidden tests in
// another. Where the task names no folder with pytest, the golden pairs decide alone.
#pragma once

#include "runtime/grading/code_grader.hpp"

namespace flywheel {

const Grader& repo_function_grader();

}  // namespace flywheel
