// The name that somebody who wrote another one may have meant.
#pragma once

#include <span>
#include <string_view>

namespace flywheel {

// The candidate with the fewest edits (a swap of neighbours counts one), or "" if none is near.
std::string_view nearest_name(std::span<const std::string_view> candidates, std::string_view name);

}  // namespace flywheel
