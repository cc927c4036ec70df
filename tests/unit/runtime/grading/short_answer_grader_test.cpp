// One word and nothing else; right or wrong is the guard.
#include "runtime/grading/short_answer_grader.hpp"

#include <doctest/doctest.h>

#include "runtime/grading/grader_registry.hpp"
#include "runtime/tasks/short_answers.hpp"
#include "runtime/tasks/task_registry.hpp"
#include "tests/unit/runtime/grading/conversation.hpp"

using namespace flywheel;
using namespace flywheel::testing;

namespace {

TurnVerdict grade_answer(const std::string& answer) {
  Task task;
  task.family = "short_answers";
  task.parameters = to_json(ShortAnswer{"Capital of France?", {"Paris"}, "Capital of France?"});
  const auto verdict = short_answer_grader().grade(task, talk_of({"Capital of France?", answer}));
  REQUIRE(verdict.turns.size() == 1);
  return verdict.turns[0];
}

}  // namespace

TEST_SUITE("runtime/grading/short_answer_grader") {
  TEST_CASE("one word passes, right or wrong") {
    for (const auto* answer : {"Paris", "paris.", " Paris\n", "Paris!", "London", "Saint-Malo"})
      CHECK(grade_answer(answer).passed);
    CHECK(component(grade_answer("Paris"), "correct") == 1.0);
    CHECK(component(grade_answer("London"), "correct") == 0.0);
  }

  TEST_CASE("anything but one word fails, but what the model knows still counts for the guard") {
    for (const auto* answer : {"", "The capital is Paris.", "Paris Paris", "Paris\nFrance", "42",
                               "'", "-", "Париж", "Paris\u200B", "\xff"})
      CHECK_FALSE(grade_answer(answer).passed);
    CHECK(component(grade_answer("The capital of France is Paris."), "correct") == 1.0);
  }

  TEST_CASE("every family's grader exists and judges a conversation of that family") {
    for (const TaskFamily* family : task_families()) {
      const auto grader = find_grader(family->grader());
      REQUIRE(grader);
      const auto task = family->make_task(split_train, 0, 1);
      // What is made of a file or judged by running code has tests of its own.
      if (!task || (*grader)->code_grader() != nullptr) continue;
      const Verdict verdict = (*grader)->grade(*task, talk_of({"question", "answer"}));
      CHECK(verdict.status != VerdictStatus::infra_error);
    }
  }
}
