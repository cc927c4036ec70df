// The graders by name; to add one, write its file and add its row in grader_registry.cpp.
#pragma once

#include <span>
#include <string_view>

#include "runtime/base/result.hpp"
#include "runtime/grading/grader.hpp"

namespace flywheel {

// All graders, sorted by name. They live as long as the program.
std::span<const Grader* const> graders();

// `name` with or without its version: "structured_list" or "structured_list/2". not_found names the
// graders that there are.
Result<const Grader*> find_grader(std::string_view name);

}  // namespace flywheel
