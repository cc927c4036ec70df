// Python's text operations, shared by string methods and filters.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/model/jinja_builtins.hpp"

namespace flywheel::jinja {

// Without the code points of `chars` (white space if none) at the ends asked for.
std::string stripped(std::string_view text, const std::optional<std::string>& chars, bool left,
                     bool right);

// str.split and str.rsplit; without a separator at runs of white space. -1 = no bound.
std::vector<std::string> split_text(std::string_view text,
                                    const std::optional<std::string>& separator,
                                    std::int64_t count_max, bool from_right);
std::vector<std::string> split_lines(std::string_view text, bool keep_ends);

Value replaced(Machine& machine, const std::string& text, const std::string& from,
               const std::string& to, std::int64_t count_max);

// Letter case; throws Problem for the few characters whose change depends on context or length.
std::string upper(std::string_view text);
std::string lower(std::string_view text);
std::string title(std::string_view text);
std::string capitalized(std::string_view text);
bool has_case(std::string_view text, bool lower_case);  // str.islower(), str.isupper()

}  // namespace flywheel::jinja
