// Requests for lists, and their verdicts, in one line each.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "runtime/grading/structured_list_grader.hpp"
#include "runtime/tasks/structured_requests.hpp"
#include "tests/unit/runtime/grading/conversation.hpp"

namespace flywheel::testing {

inline const std::string request_text =
    "List exactly 3 fruits, one per line, as a list. Nothing else.";

inline Task task_of(std::vector<ListTurn> turns, std::string topic = "fruits",
                    std::vector<std::string> words = {}) {
  Task task;
  task.family = "structured_requests";
  task.split = "train";
  task.parameters = to_json(
      StructuredRequest{"direct", "test", std::move(topic), std::move(turns), std::move(words)});
  return task;
}

inline Task fruits(std::uint32_t count = 3, ListStyle style = ListStyle::any) {
  return task_of({{ListAsk::list, count, style, request_text}});
}

inline Verdict grade(const Task& task, const Transcript& talk) {
  const Verdict verdict = structured_list_grader().grade(task, talk);
  CHECK(verdict.grader == "structured_list/2");
  return verdict;
}

// The one answer's verdict; the whole must agree with it.
inline TurnVerdict grade_answer(const Task& task, const std::string& answer) {
  const Verdict verdict = grade(task, talk_of({request_text, answer}));
  REQUIRE(verdict.turns.size() == 1);
  CHECK((verdict.status == VerdictStatus::pass) == verdict.turns[0].passed);
  CHECK((verdict.turns[0].passed ? verdict.reward == 1.0 : verdict.reward < 0.5));
  return verdict.turns[0];
}

inline bool passes(const Task& task, const std::string& answer) {
  return grade_answer(task, answer).passed;
}

}  // namespace flywheel::testing
