#include "runtime/learning/algorithm.hpp"

#include <cmath>
#include <set>

#include <doctest/doctest.h>

#include "runtime/base/random.hpp"

using namespace flywheel;

namespace {

void check_near(const std::vector<double>& values, const std::vector<double>& expected) {
  REQUIRE(values.size() == expected.size());
  for (std::size_t i = 0; i < values.size(); ++i) CHECK(std::abs(values[i] - expected[i]) < 1e-6);
}

}  // namespace

TEST_SUITE("learning/algorithm") {
  TEST_CASE("advantages of two winners of four are the golden ones") {
    const std::vector<double> rewards{1, 0, 0, 1};

    check_near(advantages(AdvantageKind::group_mean_std_unbiased, rewards, 0),
               {0.8660254, -0.8660254, -0.8660254, 0.8660254});
    check_near(advantages(AdvantageKind::group_mean_std_biased, rewards, 0), {1, -1, -1, 1});
  }

  TEST_CASE("advantages of one winner of four are the golden ones") {
    const std::vector<double> rewards{1, 0, 0, 0};

    check_near(advantages(AdvantageKind::group_mean_std_unbiased, rewards, 0),
               {1.5, -0.5, -0.5, -0.5});
    check_near(advantages(AdvantageKind::group_mean_std_biased, rewards, 0),
               {1.7320508, -0.5773503, -0.5773503, -0.5773503});
    check_near(advantages(AdvantageKind::group_mean, rewards, 0), {0.75, -0.25, -0.25, -0.25});
    check_near(advantages(AdvantageKind::leave_one_out, rewards, 0),
               {1, -1.0 / 3, -1.0 / 3, -1.0 / 3});
  }

  TEST_CASE("the epsilon is added to the standard deviation") {
    const auto result =
        advantages(AdvantageKind::group_mean_std_biased, std::vector<double>{1, 0, 0, 1}, 0.5);

    check_near(result, {0.5, -0.5, -0.5, 0.5});
  }

  TEST_CASE("equal rewards give exact zeros") {
    for (const auto kind :
         {AdvantageKind::group_mean_std_unbiased, AdvantageKind::group_mean_std_biased,
          AdvantageKind::group_mean, AdvantageKind::leave_one_out})
      for (const std::size_t size : {0, 1, 7}) {
        const std::vector<double> rewards(size, 0.1);  // a mean of seven tenths is not a tenth
        for (const double advantage : advantages(kind, rewards, 0)) CHECK(advantage == 0.0);
      }
  }

  TEST_CASE("property: advantages of a group add up to zero") {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
      CAPTURE(seed);
      Random random{derive_key({seed})};
      std::vector<double> rewards(2 + random.below(10));
      for (double& reward : rewards) reward = random.unit();
      for (const auto kind :
           {AdvantageKind::group_mean_std_unbiased, AdvantageKind::group_mean_std_biased,
            AdvantageKind::group_mean, AdvantageKind::leave_one_out}) {
        double sum = 0;
        for (const double advantage : advantages(kind, rewards, 1e-4)) sum += advantage;
        CHECK(std::abs(sum) < 1e-9);
      }
    }
  }

  TEST_CASE("every preset is found by its name, and names are unique") {
    std::set<std::string_view> names;
    for (const auto& preset : algorithm_table()) {
      CHECK(algorithm_named(preset.name));
      CHECK_FALSE(preset.formula.empty());
      CHECK_FALSE(preset.source.empty());
      names.insert(preset.name);
    }
    CHECK(names.size() == algorithm_table().size());
  }

  TEST_CASE("an unknown name is refused with the nearest one") {
    const auto refused = algorithm_named("group_mean_std.ppo_clip.tokenmean");

    REQUIRE(!refused);
    CHECK(refused.error().failure == Failure::invalid_argument);
    CHECK(refused.error().message.find("'group_mean_std.ppo_clip.token_mean'") !=
          std::string::npos);
    CHECK(algorithm_named("grpo").error().message.find("`flywheel explain` lists them") !=
          std::string::npos);
  }

  TEST_CASE("explain says that a clip does nothing, of every loss that has one and of no other") {
    for (const auto& preset : algorithm_table()) {
      CAPTURE(preset.name);
      const bool has_clip = preset.config.loss != PolicyLossKind::policy_gradient;
      const bool says_so = explain(preset.config).find("= 1, never clipped") != std::string::npos;
      CHECK(says_so == has_clip);
    }
  }

  TEST_CASE("explain fills the numbers of the running configuration in") {
    auto config = *algorithm_named("group_mean_std.ppo_clip.token_mean");
    config.clip_high = 0.5;
    config.kl = KlKind::k3;
    config.kl_weight = 0.01;
    config.importance_cap = 2;

    CHECK(explain(config) ==
          "loss = min(pi_old / mu, 2) * [-min(r A, clip(r, 0.8, 1.5) A), r = pi / pi_old (one "
          "optimiser step a batch: r = 1, never clipped)]; A = (R - mean) / (std[n-1] + 0.0001); "
          "sum over tokens / tokens of the batch; + 0.01 (exp(l) - 1 - "
          "l), l = log pi_ref - log pi");
  }
}
