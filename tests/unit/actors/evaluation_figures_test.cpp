// What an evaluation's figures are called and what they count.
#include "actors/evaluation_figures.hpp"

#include <doctest/doctest.h>

#include "runtime/tasks/structured_requests.hpp"

using namespace flywheel;
using doctest::Approx;

namespace {

Rollout rollout_of(std::uint64_t task, std::uint32_t sample, std::vector<bool> passes,
                   std::size_t planned_count = 1) {
  Rollout rollout;
  rollout.group_index = task;
  rollout.sample_index = sample;
  rollout.task.id = derive_id<TaskId>(AnyId{1, 2}, task);
  rollout.task.family = "structured_requests";
  rollout.task.split = "held_out";
  StructuredRequest request{"direct", "test", "fruits", {{ListAsk::list, 3}}, {}};
  request.turns[0].say = "List 3 fruits.";
  request.turns.resize(planned_count, {ListAsk::add, 0, ListStyle::any, "One more."});
  rollout.task.parameters = to_json(request);
  rollout.verdict.status = VerdictStatus::fail;
  for (const bool passed : passes) {
    const auto place = static_cast<std::int32_t>(2 * rollout.verdict.turns.size() + 1);
    rollout.verdict.turns.push_back(
        {place, passed, passed ? 1.0 : 0.0, {{"finished", passed ? 1.0 : 0.0}}});
    rollout.transcript.turns.resize(static_cast<std::size_t>(place) + 1);
  }
  return rollout;
}

}  // namespace

TEST_SUITE("actors/evaluation_figures") {
  TEST_CASE("several samples of a task give pass@k, without bias") {
    EvaluationFile evaluation;
    for (std::uint32_t sample = 0; sample < 4; ++sample) {
      evaluation.rollouts.push_back(rollout_of(0, sample, {sample == 0}));
      evaluation.rollouts.push_back(rollout_of(1, sample, {true}));
    }

    const auto figures = evaluation_figures(evaluation);

    CHECK(figures.at("held_out_first_turn").value == Approx(0.625));
    CHECK(figures.at("held_out_first_turn").count == 8);
    CHECK(figures.at("held_out_pass_at_2").value == Approx((0.5 + 1.0) / 2));
    CHECK(figures.at("held_out_pass_all_2").value == Approx((0.0 + 1.0) / 2));
    CHECK(figures.at("held_out_pass_at_4").value == 1.0);
    CHECK(figures.at("held_out_pass_all_4").value == Approx(0.5));
    CHECK(figures.at("component_finished").value == Approx(0.625));
    CHECK(figures.count("held_out_pass_at_1") == 0);
    CHECK(figures.count("held_out_pass_at_8") == 0);
    CHECK(figures.count("held_out_later_turns") == 0);
  }

  TEST_CASE("a later turn that was planned and never reached has failed") {
    EvaluationFile evaluation;
    evaluation.rollouts = {rollout_of(0, 0, {false}, 2)};
    const auto lost = evaluation_figures(evaluation).at("held_out_later_turns");
    CHECK(lost.value == 0.0);
    CHECK(lost.count == 1);

    evaluation.rollouts.push_back(rollout_of(1, 0, {true, true}, 3));
    const auto both = evaluation_figures(evaluation).at("held_out_later_turns");
    CHECK(both.value == Approx(1.0 / 3));
    CHECK(both.count == 3);
  }

  TEST_CASE("a grader out of time is a failed first turn, an infra error none at all") {
    EvaluationFile evaluation;
    evaluation.rollouts = {rollout_of(0, 0, {true}), rollout_of(1, 0, {}), rollout_of(2, 0, {})};
    evaluation.rollouts[1].verdict.status = VerdictStatus::timeout;
    evaluation.rollouts[2].verdict.status = VerdictStatus::infra_error;
    evaluation.rollouts[0].transcript.turns[1].finish = FinishReason::length;

    const auto figures = evaluation_figures(evaluation);

    CHECK(figures.at("held_out_first_turn").value == Approx(0.5));
    CHECK(figures.at("held_out_first_turn").count == 2);
    CHECK(figures.at("cut_by_length").value == Approx(0.5));
    CHECK(figures.at("component_finished").count == 1);
  }

  TEST_CASE("hand-written tasks have their own figures; a family that nobody knows has turns too") {
    EvaluationFile evaluation;
    evaluation.rollouts = {rollout_of(0, 0, {true}), rollout_of(1, 0, {false, true}, 2)};
    evaluation.rollouts[1].task.split = "hand_written";
    evaluation.rollouts[1].task.family = "gone";

    const auto figures = evaluation_figures(evaluation);

    CHECK(figures.at("held_out_first_turn").value == 1.0);
    CHECK(figures.at("hand_written_first_turn").value == 0.0);
    CHECK(figures.at("hand_written_later_turns").value == 1.0);
    CHECK(figures.at("component_finished").value == 1.0);
  }

  TEST_CASE("the gain is measured over the tasks that both evaluations judged") {
    EvaluationFile before;
    EvaluationFile after;
    for (std::uint64_t task = 0; task < 20; ++task) {
      before.rollouts.push_back(rollout_of(task, 0, {task < 2}));
      after.rollouts.push_back(rollout_of(task + 1, 0, {true}));
    }
    const auto gain = held_out_gain(before, after);
    REQUIRE(gain);
    CHECK(gain->value == Approx(18.0 / 19));
    CHECK(gain->interval.low > 0.6);
    CHECK_FALSE(held_out_gain(before, EvaluationFile{}));
  }
}
