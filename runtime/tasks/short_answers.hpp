// short_answers: a question that one word answers, asked for in one word. The small example to copy
// for a family of your own: one table of data, one class, one grader (short_answer_grader.cpp).
//
// Parameters: {"question": "Which city is the capital of France?", "answers": ["Paris"],
//              "say": "Which city is the capital of France? One word only, please."}
#pragma once

#include <string>
#include <vector>

#include "runtime/tasks/task_family.hpp"

namespace flywheel {

struct ShortAnswer {
  std::string question{};
  std::vector<std::string> answers{};  // any of them is right
  std::string say{};                   // the user's message
};

Json to_json(const ShortAnswer& request);
Result<ShortAnswer> parse_short_answer(const Json& parameters);

const TaskFamily& short_answers();

}  // namespace flywheel
