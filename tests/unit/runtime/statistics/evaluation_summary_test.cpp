// What an evaluation's summary counts, and what it keeps apart.
#include "runtime/statistics/evaluation_summary.hpp"

#include <doctest/doctest.h>

using namespace flywheel;
using doctest::Approx;

namespace {

TaskId task_id(std::uint64_t index) {
  return derive_id<TaskId>(AnyId{1, 2}, index);
}

GradedTurn graded(std::uint64_t task, std::uint32_t sample, std::uint32_t turn, bool passed,
                  std::string split = "held_out") {
  GradedTurn one;
  one.task = task_id(task);
  one.split = std::move(split);
  one.sample_index = sample;
  one.turn_number = turn;
  one.passed = passed;
  one.components = {{"count_exact", passed ? 1.0 : 0.0, ComponentKind::pass_condition}};
  return one;
}

}  // namespace

TEST_SUITE("runtime/statistics/evaluation_summary") {
  TEST_CASE("first turns, later turns and splits are kept apart") {
    std::vector<GradedTurn> turns;
    for (std::uint64_t task = 0; task < 10; ++task)
      for (std::uint32_t sample = 0; sample < 2; ++sample) {
        turns.push_back(graded(task, sample, 0, task < 9));
        if (task < 4) {
          turns.push_back(graded(task, sample, 1, false));
          turns.push_back(graded(task, sample, 2, true));
        }
        turns.push_back(graded(100 + task, sample, 0, task < 2, "hand_written"));
      }
    const auto summary = summarise_evaluation(turns);
    REQUIRE(summary);
    REQUIRE(summary->splits.size() == 2);
    const SplitSummary& held_out = summary->splits[1];
    CHECK(held_out.split == "held_out");
    CHECK(held_out.first_turns.pass_rate.value == Approx(0.9));
    CHECK(held_out.first_turns.pass_rate.cluster_count == 10);
    CHECK(held_out.first_turns.pass_rate.sample_count == 20);
    REQUIRE(held_out.later_turns);
    CHECK(held_out.later_turns->pass_rate.value == Approx(0.5));
    CHECK(held_out.later_turns->pass_rate.cluster_count == 4);
    CHECK(held_out.later_turns->pass_rate.sample_count == 16);
    const SplitSummary& hand_written = summary->splits[0];
    CHECK(hand_written.split == "hand_written");
    CHECK(hand_written.first_turns.pass_rate.value == Approx(0.2));
    CHECK_FALSE(hand_written.later_turns);
  }

  TEST_CASE("infra errors are counted and change no rate") {
    std::vector<GradedTurn> turns = {graded(0, 0, 0, true), graded(1, 0, 0, false)};
    const auto without = summarise_evaluation(turns);
    GradedTurn broken = graded(0, 1, 0, false);
    broken.is_infra_error = true;
    turns.push_back(broken);
    const auto with = summarise_evaluation(turns);
    REQUIRE(with);
    CHECK(without->infra_error_count == 0);
    CHECK(with->infra_error_count == 1);
    CHECK(with->splits[0].first_turns.pass_rate.value == 0.5);
    CHECK(with->splits[0].first_turns.pass_rate.sample_count == 2);
  }

  TEST_CASE("nothing but infra errors is a summary without splits, not a rate of 0") {
    GradedTurn broken = graded(0, 0, 0, false);
    broken.is_infra_error = true;
    const auto summary = summarise_evaluation(std::vector{broken});
    REQUIRE(summary);
    CHECK(summary->splits.empty());
    CHECK(summary->infra_error_count == 1);
  }

  TEST_CASE("components are averaged over the turns that have them") {
    auto first = graded(0, 0, 0, true);
    first.components.push_back({"category", 0.5, ComponentKind::guard});
    const auto summary = summarise_evaluation(std::vector{first, graded(1, 0, 0, false)});
    REQUIRE(summary);
    const auto& components = summary->splits[0].first_turns.components;
    REQUIRE(components.size() == 2);
    CHECK(components[0].name == "count_exact");
    CHECK(components[0].mean.value == 0.5);
    CHECK(components[1].name == "category");
    CHECK(components[1].kind == ComponentKind::guard);
    CHECK(components[1].mean.value == 0.5);
    CHECK(components[1].mean.sample_count == 1);
  }

  TEST_CASE("pass@k is given for powers of two up to the samples of a task") {
    std::vector<GradedTurn> turns;
    for (std::uint32_t sample = 0; sample < 4; ++sample) {
      turns.push_back(graded(0, sample, 0, sample == 0));
      turns.push_back(graded(1, sample, 0, true));
    }
    turns.push_back(graded(2, 0, 0, false));
    const auto summary = summarise_evaluation(turns);
    REQUIRE(summary);
    const auto& rows = summary->splits[0].pass_at_k;
    REQUIRE(rows.size() == 3);
    CHECK(rows[0].any.value == Approx((0.25 + 1.0 + 0.0) / 3));
    CHECK(rows[0].any.cluster_count == 3);
    CHECK(rows[1].any.value == Approx((0.5 + 1.0) / 2));
    CHECK(rows[1].all.value == Approx((0.0 + 1.0) / 2));
    CHECK(rows[2].k == 4);
    CHECK(rows[2].any.value == 1.0);
  }

  TEST_CASE("the same turn twice and values outside [0, 1] are refused") {
    CHECK_FALSE(summarise_evaluation(std::vector{graded(0, 0, 0, true), graded(0, 0, 0, true)}));
    auto bad = graded(0, 0, 0, true);
    bad.components[0].value = 1.5;
    CHECK_FALSE(summarise_evaluation(std::vector{bad}));
    CHECK_FALSE(summarise_evaluation(std::vector{graded(0, 0, 1, true)}));
    CHECK(summarise_evaluation({})->splits.empty());
  }

  TEST_CASE("graded turns come from a task, its transcript and the verdict") {
    Task task;
    task.id = task_id(5);
    task.split = "held_out";
    Transcript talk;
    talk.turns.resize(4);
    talk.turns[3].finish = FinishReason::length;
    Verdict verdict;
    verdict.status = VerdictStatus::fail;
    verdict.turns = {{1, true, 1.0, {{"finished", 1.0}}}, {3, false, 0.0, {{"finished", 0.0}}}};
    const auto turns = graded_turns(task, 1, talk, verdict, 2);
    REQUIRE(turns.size() == 2);
    CHECK(turns[0].passed);
    CHECK_FALSE(turns[0].is_cut);
    CHECK(turns[1].turn_number == 1);
    CHECK(turns[1].is_cut);
    CHECK(turns[1].sample_index == 1);

    verdict.status = VerdictStatus::infra_error;
    CHECK(graded_turns(task, 0, talk, verdict, 2)[0].is_infra_error);
    verdict = {};
    verdict.status = VerdictStatus::timeout;
    const auto timed_out = graded_turns(task, 0, talk, verdict, 1);
    REQUIRE(timed_out.size() == 1);
    CHECK_FALSE(timed_out[0].is_infra_error);
    CHECK_FALSE(timed_out[0].passed);
  }

  TEST_CASE("planned turns that a conversation never reached have failed") {
    std::vector<GradedTurn> turns;
    for (std::uint64_t i = 0; i < 10; ++i) {
      Task task;
      task.id = task_id(i);
      task.split = "held_out";
      Verdict verdict;
      verdict.status = i == 0 ? VerdictStatus::pass : VerdictStatus::fail;
      verdict.turns = {{1, i == 0, 1.0, {}}};
      if (i == 0) verdict.turns.push_back({3, true, 1.0, {}});
      for (const GradedTurn& turn : graded_turns(task, 0, {}, verdict, 2)) turns.push_back(turn);
    }

    const auto summary = summarise_evaluation(turns);

    REQUIRE(summary);
    REQUIRE(summary->splits[0].later_turns);
    CHECK(summary->splits[0].first_turns.pass_rate.value == Approx(0.1));
    CHECK(summary->splits[0].later_turns->pass_rate.value == Approx(0.1));
    CHECK(summary->splits[0].later_turns->pass_rate.sample_count == 10);
  }

  TEST_CASE("before and after are compared task by task, on the tasks that both judged") {
    std::vector<GradedTurn> before;
    std::vector<GradedTurn> after;
    for (std::uint64_t task = 0; task < 20; ++task) {
      before.push_back(graded(task, 0, 0, task < 2));
      after.push_back(graded(task + 1, 0, 0, true));
      before.push_back(graded(task, 0, 0, true, "train"));
    }
    const auto difference = first_turn_difference(before, after, "held_out");
    REQUIRE(difference);
    CHECK(difference->cluster_count == 19);
    CHECK(difference->value == Approx(18.0 / 19));
    CHECK_FALSE(first_turn_difference(before, after, "hand_written"));
  }
}
