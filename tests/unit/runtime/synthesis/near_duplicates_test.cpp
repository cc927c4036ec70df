// Texts that resemble each other, and texts that do not.
#include "runtime/synthesis/near_duplicates.hpp"

#include <doctest/doctest.h>

#include "runtime/base/random.hpp"

namespace flywheel {
namespace {

std::vector<std::string> words(std::uint64_t seed, std::size_t count) {
  Random random{derive_key({seed})};
  std::vector<std::string> found;
  for (std::size_t n = 0; n < count; ++n) found.push_back("w" + std::to_string(random.below(5000)));
  return found;
}

}  // namespace

TEST_SUITE("runtime/synthesis/near_duplicates") {
  TEST_CASE("the estimate is near the true share of common runs") {
    // 200 words of which the second half differs: 96 runs of 5 in common, 296 in all.
    auto first = words(1, 200), second = first;
    const auto other = words(2, 100);
    std::copy(other.begin(), other.end(), second.begin() + 100);

    CHECK(resemblance(sketch_of(first), sketch_of(first)) == 1.0);
    CHECK(resemblance(sketch_of(first), sketch_of(second)) ==
          doctest::Approx(96.0 / 296).epsilon(0.4));
    CHECK(resemblance(sketch_of(first), sketch_of(words(3, 200))) < 0.05);
  }

  TEST_CASE("the first of several alike stays, and what resembles a dropped one only stays too") {
    auto original = words(1, 400), near = original;
    near[200] = "other";
    const std::vector<TextSketch> sketches{sketch_of(original), sketch_of(words(2, 400)),
                                           sketch_of(near), sketch_of(original)};

    CHECK(earlier_duplicates(sketches) == std::vector<std::int64_t>{-1, -1, 0, 0});
    CHECK(earlier_duplicates({}) == std::vector<std::int64_t>{});
  }

  TEST_CASE("texts shorter than a run and empty ones are compared whole") {
    const std::vector<std::string> one{"a", "b"}, two{"a", "c"};
    CHECK(resemblance(sketch_of(one), sketch_of(one)) == 1.0);
    CHECK(resemblance(sketch_of(one), sketch_of(two)) == 0.0);
    CHECK(resemblance(sketch_of({}), sketch_of({})) == 1.0);
  }
}

}  // namespace flywheel
