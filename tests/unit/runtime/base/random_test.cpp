#include "runtime/base/random.hpp"

#include <array>

#include <doctest/doctest.h>

using namespace flywheel;

TEST_SUITE("base/random") {
  TEST_CASE("a number is a function of its key and position") {
    Random whole{derive_key({1, 2, 3})};
    std::array<std::uint64_t, 8> drawn{};
    for (auto& word : drawn) word = whole.next();

    Random tail{derive_key({1, 2, 3}), 4};

    for (std::size_t i = 4; i < 8; ++i) CHECK(tail.next() == drawn[i]);
    CHECK(Random{derive_key({1, 2, 4})}.next() != drawn[0]);
  }

  TEST_CASE("below() is even over its range") {
    Random random{derive_key({42})};
    std::array<int, 7> counts{};
    constexpr int draws = 70'000;
    for (int i = 0; i < draws; ++i) ++counts[random.below(7)];

    double chi_squared = 0;
    for (const int count : counts) chi_squared += (count - 1e4) * (count - 1e4) / 1e4;
    CHECK(chi_squared < 22.46);  // 99.9 % point of chi-squared with 6 degrees of freedom
  }

  TEST_CASE("unit() stays in [0, 1) with mean one half") {
    Random random{derive_key({9})};
    double sum = 0;
    for (int i = 0; i < 100'000; ++i) {
      const double x = random.unit();
      REQUIRE(x >= 0.0);
      REQUIRE(x < 1.0);
      sum += x;
    }
    CHECK(sum / 1e5 == doctest::Approx(0.5).epsilon(0.01));
  }
}
