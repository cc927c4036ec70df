// Parses a template, with Jinja 3.1's grammar and precedence.
//
// Guarantees: throws Problem with name and line for what this subset does not have: statements,
//             filters, tests and methods are all checked here, before anything is rendered. Nesting
//             is bounded.
#pragma once

#include <string_view>

#include "runtime/model/jinja_ast.hpp"

namespace flywheel::jinja {

Body parse(std::string_view source);

}  // namespace flywheel::jinja
