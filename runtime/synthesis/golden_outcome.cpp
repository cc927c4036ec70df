#include "runtime/synthesis/golden_outcome.hpp"

#include <algorithm>
#include <cmath>

namespace flywheel {
namespace {

bool same_real(double expected, double found) {
  const double size = std::max({1.0, std::abs(expected), std::abs(found)});
  return std::abs(expected - found) <= golden_tolerance * size;
}

bool same_items(const Json& expected, const Json& found) {
  return std::equal(expected.begin(), expected.end(), found.begin(), found.end(), same_outcome);
}

}  // namespace

bool same_outcome(const Json& expected, const Json& found) {
  if (expected.is_number_float()) {
    return found.is_number_float() && same_real(expected.get<double>(), found.get<double>());
  }
  if (expected.is_number_integer())
    return found.is_number_integer() && expected == found;  // signed and unsigned alike
  if (expected.type() != found.type()) return false;
  if (expected.is_array()) return same_items(expected, found);
  if (!expected.is_object()) return expected == found;
  return std::equal(expected.items().begin(), expected.items().end(), found.items().begin(),
                    found.items().end(), [](const auto& left, const auto& right) {
                      return left.key() == right.key() && same_outcome(left.value(), right.value());
                    });
}

}  // namespace flywheel
