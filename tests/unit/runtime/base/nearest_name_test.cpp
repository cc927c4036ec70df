#include "runtime/base/nearest_name.hpp"

#include <array>

#include <doctest/doctest.h>

using namespace flywheel;

TEST_SUITE("base/nearest_name") {
  TEST_CASE("the candidate with the fewest edits is named, and none that is far") {
    constexpr std::array<std::string_view, 3> names{"learning_rate", "staleness_max", "seed"};

    CHECK(nearest_name(names, "learnin_rate") == "learning_rate");
    CHECK(nearest_name(names, "sede") == "seed");                // a swap counts one
    CHECK(nearest_name(names, "staleness") == "staleness_max");  // cut short
    CHECK(nearest_name(names, "colour").empty());
    CHECK(nearest_name({}, "seed").empty());
  }
}
