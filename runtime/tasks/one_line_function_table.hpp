// The functions that the ladder is made of: kinds, each with its constants.
#pragma once

#include <vector>

#include "runtime/tasks/one_line_functions.hpp"

namespace flywheel {

// Every function of every kind; each computes something that no other does.
std::vector<OneLineFunction> all_one_line_functions();

}  // namespace flywheel
