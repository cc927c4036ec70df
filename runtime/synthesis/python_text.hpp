// Which bytes of a Python text are code, and bodies of functions put into their file.
#pragma once

#include <string>
#include <string_view>

#include "runtime/base/json.hpp"

namespace flywheel {

inline constexpr char string_mark = '"';

// The text with `string_mark` for every byte of a string, its quotes and line feeds too, and blanks
// for comments: brackets, colons and line feeds that are left are Python's.
std::string code_only(std::string_view text);

// The file with other statements (at column 0) in place of a function's body.
std::string with_body(const std::string& file, const Json& target, const std::string& body);

}  // namespace flywheel
