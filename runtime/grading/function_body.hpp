// Takes a function out of the code that a model wrote.
#pragma once

#include <string>

namespace flywheel {

// The statements of the function `name` that the code defines first, at column 0, behind the
// imports that stand at column 0 above it; empty where it defines none or its head has no end.
// Imports of what the function's parameters are called are left out, they would take their place.
std::string function_body_in(const std::string& code, const std::string& name);

}  // namespace flywheel
