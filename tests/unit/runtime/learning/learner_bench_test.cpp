#include "runtime/learning/learner_bench.hpp"

#include <doctest/doctest.h>

#include "tests/unit/runtime/learning/naive_model.hpp"

using namespace flywheel;

TEST_SUITE("learning/learner_bench") {
  TEST_CASE("the bench reports a step and the limit of its products, and refuses a bad batch") {
    const auto weights = lively_weights(tiny_config(), 1);
    TrainSequence sequence{.tokens = random_tokens(tiny_config(), 1, 20)};
    sequence.loss_mask.assign(20, 1);
    sequence.loss_mask[0] = 0;

    const auto bench = run_learner_bench(weights, Precision::bfloat16, {{sequence, sequence}}, 1);

    REQUIRE(bench);
    CHECK(bench->report.loss_token_count == 38);
    CHECK(bench->report.computed_token_count == 19);
    CHECK(bench->tokens_per_second == doctest::Approx(38 / bench->seconds));
    CHECK(bench->limit_seconds > 0);
    CHECK(!run_learner_bench(weights, Precision::float32, {}));
  }
}
