#include "actors/train_batch.hpp"

#include <cmath>

#include <doctest/doctest.h>

using namespace flywheel;

namespace {

Rollout rollout_of(std::uint64_t group, std::uint32_t sample, double reward,
                   PolicyVersion version = 3) {
  Rollout rollout{.group_index = group, .sample_index = sample, .oldest_version = version};
  rollout.verdict = {.status = VerdictStatus::fail, .reward = reward};
  Turn user{.role = Role::user};
  user.spans = {{.origin = TokenOrigin::chat_template, .tokens = {1}},
                {.origin = TokenOrigin::user, .tokens = {10, 11}}};
  Turn assistant{.parent = 0, .role = Role::assistant, .finish = FinishReason::length};
  assistant.spans = {{.origin = TokenOrigin::policy,
                      .carries_loss = true,
                      .policy_version = version,
                      .tokens = {20, 21},
                      .log_probabilities = {-0.25F, -0.5F}},
                     {.origin = TokenOrigin::chat_template, .tokens = {2}}};
  rollout.transcript.turns = {user, assistant};
  return rollout;
}

}  // namespace

TEST_SUITE("actors/train_batch") {
  TEST_CASE("only sampled tokens carry loss, and what follows the last of them is left out") {
    const auto sequence = train_sequence(rollout_of(0, 0, 1.0).transcript, 1.5);

    CHECK(sequence.tokens == std::vector<Token>{1, 10, 11, 20, 21});
    CHECK(sequence.loss_mask == std::vector<std::uint8_t>{0, 0, 0, 1, 1});
    CHECK(sequence.advantages == std::vector<float>{0, 0, 0, 1.5F, 1.5F});
    CHECK(sequence.sampler_log_probabilities == std::vector<float>{0, 0, 0, -0.25F, -0.5F});
  }

  TEST_CASE("advantages are taken within a group, and uniform groups are left out") {
    AlgorithmConfig algorithm;
    algorithm.advantage = AdvantageKind::group_mean;
    const std::vector rollouts{rollout_of(7, 0, 1.0), rollout_of(7, 1, 0.25), rollout_of(8, 0, 0.5),
                               rollout_of(8, 1, 0.5)};

    const auto batch = make_train_batch(rollouts, algorithm, 3);
    algorithm.drop_uniform_groups = false;
    const auto all = make_train_batch(rollouts, algorithm, 3);

    REQUIRE(batch.sequences.size() == 2);
    CHECK(batch.sequences[0].advantages.back() == 0.375F);
    CHECK(batch.sequences[1].advantages.back() == -0.375F);
    CHECK(batch.is_on_policy);
    REQUIRE(all.sequences.size() == 4);
    CHECK(all.sequences[2].advantages.back() == 0.0F);
  }

  TEST_CASE("one older token makes the batch off-policy") {
    const std::vector rollouts{rollout_of(0, 0, 1.0, 3), rollout_of(0, 1, 0.0, 2)};

    CHECK_FALSE(make_train_batch(rollouts, {}, 3).is_on_policy);
  }

  TEST_CASE("a group of equal rewards gives an empty batch and no NaN") {
    const std::vector rollouts{rollout_of(0, 0, 0.5), rollout_of(0, 1, 0.5)};

    CHECK(make_train_batch(rollouts, {}, 3).sequences.empty());
  }
}
