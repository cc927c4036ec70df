// The difference of two texts as `git apply` reads it.
#pragma once

#include <string>
#include <string_view>

namespace flywheel {

// One hunk, from the first line that differs to the last, with three lines of context around it.
// Empty where the texts are equal.
std::string unified_diff(const std::string& path, std::string_view before, std::string_view after);

}  // namespace flywheel
