// The optimiser's schedule and settings: what they do, and which it refuses.
#include "runtime/learning/optimizer.hpp"

#include <algorithm>
#include <cmath>

#include <doctest/doctest.h>
#include <torch/types.h>

#include "tests/unit/runtime/learning/naive_model.hpp"

using namespace flywheel;

TEST_SUITE("learning/optimizer") {
  TEST_CASE("the learning rate warms up, decays and stays at its floor") {
    const TrainerConfig config{
        .learning_rate = 1.0, .warmup_steps = 4, .decay_steps = 10, .decay_floor = 0.1};

    CHECK(learning_rate_at(config, 1) == doctest::Approx(0.25));
    CHECK(learning_rate_at(config, 4) == doctest::Approx(1.0));
    CHECK(learning_rate_at(config, 9) == doctest::Approx(0.55));
    CHECK(learning_rate_at(config, 14) == doctest::Approx(0.1));
    CHECK(learning_rate_at(config, 99) == doctest::Approx(0.1));
    CHECK(learning_rate_at({.learning_rate = 3.0}, 1) == doctest::Approx(3.0));
  }

  TEST_CASE("impossible configurations are refused by name") {
    const auto refused = make_trainer(lively_weights(tiny_config(), 7), {.beta2 = 1.0});

    REQUIRE(!refused);
    CHECK(refused.error().message.find("beta2") != std::string::npos);
    CHECK(!make_trainer(nullptr, {}));
    CHECK(make_trainer(lively_weights(tiny_config(), 7), {.beta2 = 0.0}));
  }

  TEST_CASE("what float32 moments would round away is refused by name, what is just not is not") {
    const auto refusal = [](const TrainerConfig& config) {
      const auto trainer = make_trainer(lively_weights(tiny_config(), 7), config);
      return trainer ? std::string{} : trainer.error().message;
    };
    CHECK(refusal({.beta1 = 0.999999999}).find("beta1") != std::string::npos);
    CHECK(refusal({.beta2 = 0.999999999}).find("beta2") != std::string::npos);
    CHECK(refusal({.epsilon = 1e-46}).find("epsilon") != std::string::npos);
    CHECK(refusal({.epsilon = INFINITY}).find("epsilon") != std::string::npos);
    CHECK(refusal({.weight_decay = INFINITY}).find("weight_decay") != std::string::npos);

    // A first step moves a weight by about the learning rate, whatever the decays are.
    const auto start = lively_weights(tiny_config(), 7);
    const auto trainer = make_trainer(
        start, {.learning_rate = 1e-3, .beta1 = 0.9999999, .beta2 = 0.9999999, .epsilon = 1e-37});
    REQUIRE(trainer);
    TrainSequence sequence{.tokens = random_tokens(tiny_config(), 1, 12)};
    sequence.loss_mask.assign(12, 1);
    sequence.loss_mask[0] = 0;
    REQUIRE((*trainer)->step({.sequences = {sequence}}));
    const auto after = (*trainer)->weights(Precision::float32);
    double most = 0.0;
    for (const auto& [name, tensor] : after->tensors)
      most = std::max(most, (tensor - start->tensors.at(name)).abs().max().item<double>());
    CHECK(most > 0.5e-3);
    CHECK(most < 1.5e-3);
  }
}
