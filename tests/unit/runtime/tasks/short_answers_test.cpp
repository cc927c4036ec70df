// The small example family.
#include "runtime/tasks/short_answers.hpp"

#include <set>

#include <doctest/doctest.h>

using namespace flywheel;

namespace {

ShortAnswer request_at(std::string_view split, std::uint64_t index, std::uint64_t seed) {
  const auto task = short_answers().make_task(split, index, seed);
  REQUIRE(task);
  const auto request = parse_short_answer(task->parameters);
  REQUIRE(request);
  return *request;
}

}  // namespace

TEST_SUITE("runtime/tasks/short_answers") {
  TEST_CASE("asks the same question for the same place, and ends after one answer") {
    CHECK(request_at(split_train, 5, 1).say == request_at(split_train, 5, 1).say);
    const auto task = short_answers().make_task(split_train, 5, 1);
    Transcript talk;
    Turn answer;
    answer.role = Role::assistant;
    talk.turns = {Turn{}, answer};
    talk.turns[1].parent = 0;
    CHECK(next_user_move(short_answers(), *task, talk)->ends);
    CHECK_FALSE(short_answers().make_task("test", 0, 1));
  }

  TEST_CASE("training never asks a held-out question or in a held-out way") {
    std::set<std::string> questions;
    std::set<std::string> messages;
    for (std::uint64_t i = 0; i < 1000; ++i) {
      questions.insert(request_at(split_train, i, 1).question);
      messages.insert(request_at(split_train, i, 1).say);
    }
    CHECK(questions.size() == 24);
    for (std::uint64_t i = 0; i < 200; ++i) {
      const auto request = request_at(split_held_out, i, 1);
      CAPTURE(request.say);
      CHECK(questions.count(request.question) == 0);
      CHECK(messages.count(request.say) == 0);
      CHECK(request.say.find('{') == std::string::npos);
    }
  }
}
