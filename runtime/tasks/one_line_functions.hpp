// one_line_functions: "Write a Python function f(n) that returns the n-th even number": a ladder of
// generated functions that one line of code can be. The answer is run against golden pairs.
//
// Levels: 1 arithmetic with a constant, 2 the n-th of a sequence, 3 conditions, 4 lists and text.
// Which split a function is of is decided by what it computes (one_line_function_split), so no
// description of a held-out function can be met in training; phrasings are not shared either.
//
// Parameters: {"level": 2, "signature": "f(n)", "description": "the n-th even number, ...",
//              "say": "...", "pairs": [{"arguments": [3], "result": 6}, ...]}; with
// task.parameters {"levels": [1, 2], "tools": true} a spec takes some levels only, and gives the
// model the tool `python`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/tasks/task_family.hpp"

namespace flywheel {

struct OneLinePair {
  Json arguments = Json::array();
  Json result{};
};

struct OneLineFunction {
  std::uint32_t level = 1;
  std::string signature{};    // "f(n)"
  std::string description{};  // a noun phrase: "n plus 3"
  std::vector<OneLinePair> pairs{};
};

struct OneLineRequest {
  OneLineFunction function{};
  std::string say{};       // the user's message
  bool has_tools = false;  // the model may try its code
};

inline constexpr std::uint32_t one_line_levels = 4;

// All functions of the ladder that belong to a split, in a fixed order.
const std::vector<OneLineFunction>& one_line_functions_of(std::string_view split);

// The split of whatever function gives these results: a hash of the results alone.
std::string_view one_line_function_split(const std::vector<OneLinePair>& pairs);

Json to_json(const OneLineRequest& request);
Result<OneLineRequest> parse_one_line_request(const Json& parameters);

const TaskFamily& one_line_functions();

}  // namespace flywheel
