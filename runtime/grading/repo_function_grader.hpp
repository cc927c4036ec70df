// Judges repo_functions: the function of the answer in place of the blank one, run against the
// golden pairs in a container that the conversation never saw.
#pragma once

#include <string>

#include "runtime/grading/code_grader.hpp"

namespace flywheel {

const Grader& repo_function_grader();

// The statements of the function `name` that the code defines first, at column 0; empty where it
// defines none or its head has no end.
std::string function_body_in(const std::string& code, const std::string& name);

}  // namespace flywheel
