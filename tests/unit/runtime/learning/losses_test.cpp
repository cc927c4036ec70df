#include "runtime/learning/losses.hpp"

#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include "runtime/base/random.hpp"

using namespace flywheel;

namespace {

// Values of one sequence, owned.
struct Tokens {
  std::vector<double> pi{}, old{}, mu{}, reference{}, advantages{};

  SequenceTerms view() const {
    return {.log_pi = pi,
            .log_pi_old = old,
            .log_mu = mu,
            .log_pi_ref = reference,
            .advantages = advantages};
  }
};

struct LossAndGradient {
  double loss;
  std::vector<double> gradient;
  std::uint64_t clipped;
};

LossAndGradient run(const AlgorithmConfig& config, const Tokens& tokens,
                    BatchTotals totals = {1, 1}) {
  std::vector<double> gradient(tokens.pi.size());
  const auto result = sequence_loss(config, tokens.view(), totals, gradient);
  return {result.loss, gradient, result.clipped_count};
}

AlgorithmConfig with_loss(PolicyLossKind kind) {
  AlgorithmConfig config;
  config.loss = kind;
  return config;
}

Tokens one_token(double ratio, double advantage) {
  return {.pi = {std::log(ratio)}, .old = {0}, .mu = {0}, .advantages = {advantage}};
}

Tokens random_tokens(std::uint64_t seed, std::size_t count) {
  Random random{derive_key({seed, 5})};
  Tokens tokens;
  for (std::size_t t = 0; t < count; ++t) {
    tokens.pi.push_back(-2 * random.unit() - 0.1);
    tokens.old.push_back(tokens.pi[t] + 0.8 * (random.unit() - 0.5));
    tokens.mu.push_back(tokens.old[t] + 0.8 * (random.unit() - 0.5));
    tokens.reference.push_back(tokens.pi[t] + random.unit() - 0.5);
    tokens.advantages.push_back(2 * random.unit() - 1);
  }
  return tokens;
}

// Central differences of the loss, with pi_old and every weight held still as sg() says. CISPO's
// clipped ratio is behind sg() but a function of pi: its own check is below.
void check_gradient(const AlgorithmConfig& config, Tokens tokens) {
  constexpr double step = 1e-6;
  const BatchTotals totals{11, 3};
  const auto exact = run(config, tokens, totals).gradient;
  for (std::size_t t = 0; t < tokens.pi.size(); ++t) {
    auto up = tokens, down = tokens;
    up.pi[t] += step;
    down.pi[t] -= step;
    const double slope =
        (run(config, up, totals).loss - run(config, down, totals).loss) / (2 * step);
    CHECK(std::abs(slope - exact[t]) < 1e-7);
  }
}

}  // namespace

TEST_SUITE("learning/losses") {
  TEST_CASE("the clipped objective has the golden values and gradients") {
    const auto config = with_loss(PolicyLossKind::ppo_clip);

    const auto high = run(config, one_token(1.5, 1)), low = run(config, one_token(0.5, -1));
    const auto free = run(config, one_token(1.5, -1));

    CHECK(-high.loss == doctest::Approx(1.28));
    CHECK(high.gradient[0] == 0.0);
    CHECK(high.clipped == 1);
    CHECK(-low.loss == doctest::Approx(-0.8));
    CHECK(low.gradient[0] == 0.0);
    CHECK(-free.loss == doctest::Approx(-1.5));
    CHECK(free.gradient[0] == doctest::Approx(1.5));
    CHECK(free.clipped == 0);
  }

  TEST_CASE("the decoupled objective has the golden value, and clipping on mu another") {
    auto config = with_loss(PolicyLossKind::decoupled_ppo);
    config.clip_high = 0.2;
    const Tokens tokens{.pi = {-0.7}, .old = {-0.9}, .mu = {-1.0}, .advantages = {1}};

    CHECK(-run(config, tokens).loss == doctest::Approx(1.326205).epsilon(1e-6));

    config.loss = PolicyLossKind::ppo_clip;
    const Tokens naive{.pi = {-0.7}, .old = {-1.0}, .mu = {-1.0}, .advantages = {1}};
    CHECK(-run(config, naive).loss == doctest::Approx(1.2));
  }

  TEST_CASE("truncated importance weights have the golden values") {
    CHECK(importance_weight(-0.5, -1.5, 2) == 2.0);
    CHECK(importance_weight(-0.5, -1.5, 0) == doctest::Approx(2.718282).epsilon(1e-6));
    CHECK(importance_weight(0, -100, 0) == doctest::Approx(std::exp(20.0)));
  }

  TEST_CASE("the sequence ratio of GSPO has the golden value") {
    auto config = with_loss(PolicyLossKind::gspo);
    config.clip_low = config.clip_high = 10;
    config.aggregation = LossAggregation::sequence_mean;
    const Tokens tokens{
        .pi = {0.1, -0.3, 0.5}, .old = {0, 0, 0}, .mu = {0, 0, 0}, .advantages = {1, 1, 1}};

    CHECK(-run(config, tokens).loss == doctest::Approx(1.105171).epsilon(1e-6));
  }

  TEST_CASE("aggregations of losses [1] and [2, 2, 2] have the golden values") {
    const auto total = [](LossAggregation aggregation, double divisor) {
      auto config = with_loss(PolicyLossKind::policy_gradient);
      config.aggregation = aggregation;
      config.constant_divisor = divisor;
      const Tokens one{.pi = {-1}, .old = {-1}, .mu = {-1}, .advantages = {1}};
      const Tokens three{
          .pi = {-2, -2, -2}, .old = {0, 0, 0}, .mu = {0, 0, 0}, .advantages = {1, 1, 1}};
      return run(config, one, {4, 2}).loss + run(config, three, {4, 2}).loss;
    };

    CHECK(total(LossAggregation::token_mean, 0) == doctest::Approx(1.75));
    CHECK(total(LossAggregation::sequence_mean, 0) == doctest::Approx(1.5));
    CHECK(total(LossAggregation::constant_divisor, 1) == doctest::Approx(3.5));
    CHECK(total(LossAggregation::constant_divisor, 4) == doctest::Approx(0.875));
  }

  TEST_CASE("KL estimators have the golden values") {
    const double l = -1.2 - -1.0;

    CHECK(kl_estimate(KlKind::k1, l) == doctest::Approx(0.2));
    CHECK(kl_estimate(KlKind::k2, l) == doctest::Approx(0.02));
    CHECK(kl_estimate(KlKind::k3, l) == doctest::Approx(0.0187307531).epsilon(1e-9));
  }

  TEST_CASE("the effective sample share has the golden value") {
    // Of the weights 1, 1, 1 and 5.
    CHECK(effective_share(8, 28, 4) == doctest::Approx(0.571429).epsilon(1e-6));
    CHECK(effective_share(21, 63, 7) == doctest::Approx(1.0));
    CHECK(effective_share(0, 0, 0) == 1.0);
  }

  TEST_CASE(
      "property: gradients are those of finite differences for every loss, aggregation and KL") {
    for (const auto loss : {PolicyLossKind::policy_gradient, PolicyLossKind::ppo_clip,
                            PolicyLossKind::gspo, PolicyLossKind::decoupled_ppo})
      for (const auto aggregation : {LossAggregation::token_mean, LossAggregation::sequence_mean,
                                     LossAggregation::constant_divisor})
        for (const auto kl : {KlKind::none, KlKind::k1, KlKind::k2, KlKind::k3})
          for (const double cap : {0.0, 1.1})
            for (std::uint64_t seed = 0; seed < 5; ++seed) {
              CAPTURE(seed);
              auto config = with_loss(loss);
              config.aggregation = aggregation;
              config.constant_divisor = 4;
              config.kl = kl;
              config.kl_weight = 0.3;
              config.importance_cap = cap;
              check_gradient(config, random_tokens(seed, 5));
            }
  }

  TEST_CASE("the gradient of CISPO is the clipped ratio times the advantage, and never vanishes") {
    const auto config = with_loss(PolicyLossKind::cispo);
    auto tokens = one_token(3.0, 2.0);

    CHECK(run(config, tokens).gradient[0] == doctest::Approx(-1.28 * 2));

    tokens = one_token(0.1, 2.0);
    CHECK(run(config, tokens).gradient[0] == doctest::Approx(-0.8 * 2));
  }

  TEST_CASE("a sequence without advantages is fine-tuned: minus log pi") {
    const auto result = run({}, Tokens{.pi = {-1.5, -0.5}}, {4, 2});

    CHECK(result.loss == doctest::Approx(0.5));
    CHECK(result.gradient[0] == doctest::Approx(-0.25));
  }
}
