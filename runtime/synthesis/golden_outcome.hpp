// Compares what a call came to with what it must come to.
//
// Guarantees: 1 is neither 1.0 nor true; numbers with a fraction may differ by 1e-9 of their size
//             (another order of summing), all else must be equal.
#pragma once

#include "runtime/base/json.hpp"

namespace flywheel {

inline constexpr double golden_tolerance = 1e-9;

bool same_outcome(const Json& expected, const Json& found);

}  // namespace flywheel
