// pass@k and pass^k against golden values, their definition, and simulation.
#include "runtime/statistics/pass_at_k.hpp"

#include <vector>

#include <doctest/doctest.h>

#include "runtime/base/random.hpp"

using namespace flywheel;
using doctest::Approx;

TEST_SUITE("runtime/statistics/pass_at_k") {
  TEST_CASE("golden values") {
    CHECK(*pass_at_k({10, 3}, 1) == Approx(0.3));
    CHECK(*pass_at_k({10, 3}, 5) == Approx(0.9166667).epsilon(1e-7));
    CHECK(*pass_all_k({4, 3}, 2) == Approx(0.5));
  }

  TEST_CASE("the corners: none passed, all passed, fewer failures than k") {
    CHECK(*pass_at_k({5, 0}, 5) == 0.0);
    CHECK(*pass_at_k({5, 5}, 1) == 1.0);
    CHECK(*pass_at_k({5, 2}, 4) == 1.0);
    CHECK(*pass_at_k({5, 4}, 4) == 1.0);
    CHECK(*pass_at_k({5, 1}, 4) == Approx(0.8));
    CHECK(*pass_all_k({5, 2}, 3) == 0.0);
    CHECK(*pass_all_k({5, 5}, 5) == 1.0);
    CHECK(*pass_at_k({100'000, 1}, 50'000) == Approx(0.5));
  }

  TEST_CASE("k above n, k of 0 and c above n are errors that name the numbers") {
    for (const auto& result : {pass_at_k({3, 1}, 4), pass_at_k({3, 1}, 0), pass_at_k({3, 4}, 1),
                               pass_at_k({0, 0}, 1), pass_all_k({3, 1}, 4)}) {
      REQUIRE(!result);
      CHECK(result.error().failure == Failure::invalid_argument);
    }
    CHECK(pass_at_k({3, 1}, 4).error().message.find("k = 4 of n = 3") != std::string::npos);
    const std::vector<PassCount> uneven = {{4, 2}, {2, 1}};
    CHECK_FALSE(mean_pass_at_k(uneven, 3));
    CHECK(mean_pass_at_k(uneven, 2));
  }

  TEST_CASE("it is the share of all ways to draw k of n that hold a pass") {
    for (std::uint64_t n = 1; n <= 8; ++n)
      for (std::uint64_t c = 0; c <= n; ++c)
        for (std::uint64_t k = 1; k <= n; ++k) {
          std::uint64_t draws = 0;
          std::uint64_t with_pass = 0;
          std::uint64_t all_pass = 0;
          for (std::uint64_t set = 0; set < (1u << n); ++set) {
            if (static_cast<std::uint64_t>(__builtin_popcountll(set)) != k) continue;
            const std::uint64_t passing = set & ((1u << c) - 1u);
            ++draws;
            with_pass += passing != 0 ? 1u : 0u;
            all_pass += passing == set ? 1u : 0u;
          }
          CHECK(*pass_at_k({n, c}, k) ==
                Approx(static_cast<double>(with_pass) / static_cast<double>(draws)));
          CHECK(*pass_all_k({n, c}, k) ==
                Approx(static_cast<double>(all_pass) / static_cast<double>(draws)));
        }
  }

  TEST_CASE("it is unbiased where 1 - (1 - c/n)^k is not") {
    constexpr std::uint64_t seed = 31;
    CAPTURE(seed);
    Random random{RandomKey{seed}};
    double sum = 0.0;
    constexpr int trial_count = 40'000;
    for (int trial = 0; trial < trial_count; ++trial) {
      PassCount task{6, 0};
      for (int i = 0; i < 6; ++i) task.passed_count += random.unit() < 0.2 ? 1u : 0u;
      sum += *pass_at_k(task, 3);
    }
    CHECK(sum / trial_count == Approx(1.0 - 0.8 * 0.8 * 0.8).epsilon(0.01));
  }

  TEST_CASE("means weigh tasks the same and hold an interval") {
    const std::vector<PassCount> tasks = {{2, 2}, {2, 0}, {2, 1}, {8, 4}};
    const auto first = mean_pass_at_k(tasks, 1);
    REQUIRE(first);
    CHECK(first->value == Approx(0.5));
    CHECK(first->cluster_count == 4);
    CHECK(first->sample_count == 14);
    CHECK(first->interval.low < 0.5);
    CHECK(first->interval.high > 0.5);
    CHECK(mean_pass_all_k(tasks, 2)->value < mean_pass_at_k(tasks, 2)->value);
  }
}
