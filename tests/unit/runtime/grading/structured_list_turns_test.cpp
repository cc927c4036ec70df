// The list grader on the second and third turns of a conversation.
#include <doctest/doctest.h>

#include "tests/unit/runtime/grading/list_lab.hpp"

using namespace flywheel;
using namespace flywheel::testing;

TEST_SUITE("runtime/grading/structured_list_grader, later turns") {
  const std::string first_answer = "- Apple\n- Banana\n- Cherry";

  Verdict grade_second(ListTurn turn, const std::string& answer,
                       const std::string& before = "- Apple\n- Banana\n- Cherry",
                       ListStyle style = ListStyle::any) {
    const std::string said = turn.say;
    const Task task = task_of({{ListAsk::list, 3, style, request_text}, std::move(turn)});
    const Verdict verdict = grade(task, talk_of({request_text, before, said, answer}));
    REQUIRE(verdict.turns.size() == 2);
    CHECK(verdict.turns[1].turn == 3);
    return verdict;
  }
  bool second_passes(ListTurn turn, const std::string& answer) {
    return grade_second(std::move(turn), answer).turns[1].passed;
  }

  TEST_CASE("keep wants a part of the earlier items") {
    const ListTurn keep{ListAsk::keep, 2, ListStyle::any, "Only two."};
    CHECK(second_passes(keep, "- Apple\n- Cherry"));
    CHECK(second_passes(keep, "1. cherries\n2. the apple"));
    CHECK_FALSE(second_passes(keep, "- Apple\n- Plum"));
    CHECK_FALSE(second_passes(keep, "- Apple\n- Banana\n- Cherry"));
    CHECK_FALSE(second_passes(keep, "- Apple"));
    CHECK_FALSE(second_passes(keep, "Here are two:\n- Apple\n- Cherry"));
    CHECK(component(grade_second(keep, "- Apple\n- Plum").turns[1], "follows_plan") == 0.0);
  }

  TEST_CASE("number and bullet want the same items in the other style") {
    const ListTurn number{ListAsk::number, 0, ListStyle::any, "Number them."};
    CHECK(second_passes(number, "1. Apple\n2. Banana\n3. Cherry"));
    CHECK(second_passes(number, "1) Cherry\n2) Apple\n3) Banana"));
    CHECK_FALSE(second_passes(number, first_answer));
    CHECK_FALSE(second_passes(number, "1. Apple\n2. Banana\n3. Plum"));
    CHECK_FALSE(second_passes(number, "1. Apple\n2. Banana"));
    const ListTurn bullet{ListAsk::bullet, 0, ListStyle::any, "Bullets."};
    CHECK(second_passes(bullet, "* Apple\n* Banana\n* Cherry"));
    CHECK_FALSE(second_passes(bullet, "1. Apple\n2. Banana\n3. Cherry"));
  }

  TEST_CASE("add wants the earlier items and one new one") {
    const ListTurn add{ListAsk::add, 0, ListStyle::any, "One more."};
    CHECK(second_passes(add, first_answer + "\n- Plum"));
    CHECK_FALSE(second_passes(add, "- Plum"));
    CHECK_FALSE(second_passes(add, first_answer));
    CHECK_FALSE(second_passes(add, first_answer + "\n- Apple"));
    CHECK_FALSE(second_passes(add, first_answer + "\n- Plum\n- Fig"));
    CHECK_FALSE(second_passes(add, "- Apple\n- Banana\n- Plum\n- Fig"));
  }

  TEST_CASE("drop wants the earlier items without the one that was named") {
    const ListTurn drop{ListAsk::drop, 0, ListStyle::any, "Without {last}."};
    CHECK(second_passes(drop, "- Apple\n- Banana"));
    CHECK_FALSE(second_passes(drop, "- Banana\n- Cherry"));
    CHECK_FALSE(second_passes(drop, "- Apple"));
    CHECK_FALSE(second_passes(drop, "- Apple\n- Plum"));
    const ListTurn drop_first{ListAsk::drop, 0, ListStyle::any, "Not {first}."};
    CHECK(second_passes(drop_first, "- Banana\n- Cherry"));
    CHECK_FALSE(second_passes(drop_first, "- Apple\n- Banana"));
  }

  TEST_CASE("a later turn is judged by what the earlier answer really shows") {
    const ListTurn add{ListAsk::add, 0, ListStyle::any, "One more."};
    const Verdict verdict =
        grade_second(add, "- Apple\n- Banana\n- Plum", "Here you go: Apple, Banana");
    CHECK_FALSE(verdict.turns[0].passed);
    CHECK(verdict.turns[0].components.size() == 7);
    // The preface makes the first item of the comma list "Here you go: Apple", so this can't match.
    CHECK_FALSE(verdict.turns[1].passed);
    const Verdict after_preface =
        grade_second(add, "- Apple\n- Banana\n- Plum", "Sure!\n- Apple\n- Banana");
    CHECK_FALSE(after_preface.turns[0].passed);
    CHECK(after_preface.turns[1].passed);
    // Of six pass conditions the first turn misses two: 0.5 * 4 / 6, and the second passes.
    CHECK(after_preface.reward == doctest::Approx((0.5 * 4 / 6 + 1.0) / 2));
    CHECK(after_preface.status == VerdictStatus::fail);
  }

  TEST_CASE("a style once asked for stays asked for") {
    const Task task = task_of({{ListAsk::list, 2, ListStyle::any, "Two fruits."},
                               {ListAsk::number, 0, ListStyle::any, "Number them."},
                               {ListAsk::add, 0, ListStyle::any, "One more."}});
    const auto third = [&](const char* answer) {
      return grade(task, talk_of({"Two fruits.", "- Apple\n- Fig", "Number them.",
                                  "1. Apple\n2. Fig", "One more.", answer}));
    };
    CHECK(third("1. Apple\n2. Fig\n3. Plum").status == VerdictStatus::pass);
    CHECK(third("1. Apple\n2. Fig\n3. Plum").reward == 1.0);
    CHECK(third("- Apple\n- Fig\n- Plum").reward == doctest::Approx((2.0 + 0.5 * 6 / 7) / 3));
  }

  TEST_CASE("turns that were never reached count as nothing, so giving up never pays") {
    const Task task = task_of({{ListAsk::list, 3, ListStyle::any, request_text},
                               {ListAsk::keep, 2, ListStyle::any, "Only two."},
                               {ListAsk::number, 0, ListStyle::any, "Number them."}});
    const Verdict verdict = grade(task, talk_of({request_text, first_answer}));
    CHECK(verdict.turns.size() == 1);
    CHECK(verdict.turns[0].passed);
    CHECK(verdict.status == VerdictStatus::fail);
    CHECK(verdict.reward == doctest::Approx(1.0 / 3));
  }

  TEST_CASE("a turn that can't be met because the answer before shows no items fails") {
    const ListTurn keep{ListAsk::keep, 2, ListStyle::any, "Only two."};
    const Verdict verdict = grade_second(keep, "- Apple\n- Banana", "I do not know any.");
    CHECK_FALSE(verdict.turns[1].passed);
    CHECK(component(verdict.turns[1], "follows_plan") == 0.0);
  }
}
