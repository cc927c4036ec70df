// The ladder of one-line functions: what is asked, and that held-out functions stay unseen.
#include "runtime/tasks/one_line_functions.hpp"

#include <map>
#include <set>

#include <doctest/doctest.h>

#include "runtime/tasks/one_line_function_table.hpp"
#include "runtime/tasks/task_registry.hpp"

using namespace flywheel;

namespace {

OneLineRequest request_at(const TaskFamily& family, std::string_view split, std::uint64_t index) {
  const auto task = family.make_task(split, index, 1);
  REQUIRE(task);
  CHECK(family.check(task->parameters));
  const auto request = parse_one_line_request(task->parameters);
  REQUIRE(request);
  CHECK(to_json(*request) == task->parameters);
  return *request;
}

std::string results_of(const OneLineFunction& function) {
  std::string text;
  for (const OneLinePair& pair : function.pairs) text += pair.result.dump() + ";";
  return text;
}

const OneLineFunction& described(const std::vector<OneLineFunction>& functions,
                                 const std::string& description) {
  for (const OneLineFunction& function : functions)
    if (function.description == description) return function;
  FAIL("no function is '" << description << "'");
  return functions.front();
}

}  // namespace

TEST_SUITE("runtime/tasks/one_line_functions") {
  TEST_CASE("a function and its golden pairs say the same") {
    const auto functions = all_one_line_functions();

    const auto& plus = described(functions, "n plus 7");
    CHECK(plus.pairs[2].arguments == Json::array({3}));
    CHECK(plus.pairs[2].result == 10);
    CHECK(described(functions, "the sum of the numbers from 1 to n").pairs[4].result == 21);
    CHECK(described(functions, "True if n is divisible by 3 and False if it is not")
              .pairs[2]
              .result == true);
    const auto& first = described(functions, "the first 2 items of the list");
    CHECK(first.pairs[0].arguments == Json::array({{3, 1, 2, 8}}));
    CHECK(first.pairs[0].result == Json::array({3, 1}));
  }

  TEST_CASE("no two functions compute the same, and no constant passes any") {
    std::set<std::string> seen;
    for (const OneLineFunction& function : all_one_line_functions()) {
      CAPTURE(function.description);
      CHECK(seen.insert(function.signature + results_of(function)).second);
      std::set<std::string> results;
      for (const OneLinePair& pair : function.pairs) results.insert(pair.result.dump());
      CHECK(results.size() > 1);
    }
    CHECK(seen.size() > 300);
  }

  TEST_CASE("held-out functions and phrasings share nothing with training, at every level") {
    std::set<std::string> training;
    std::set<std::string> training_says;
    std::map<std::uint32_t, int> levels;
    for (const auto& function : one_line_functions_of(split_train)) {
      training.insert(results_of(function));
      training.insert(function.description);
    }
    for (const auto& function : one_line_functions_of(split_held_out)) {
      CAPTURE(function.description);
      CHECK_FALSE(training.contains(results_of(function)));
      CHECK_FALSE(training.contains(function.description));
      ++levels[function.level];
    }
    CHECK(levels.size() == one_line_levels);

    const auto opening = [](const OneLineRequest& request) {
      auto text = request.say;
      text.replace(text.find(request.function.description), request.function.description.size(),
                   "{d}");
      return text;
    };
    for (std::uint64_t i = 0; i < 200; ++i)
      training_says.insert(opening(request_at(one_line_functions(), split_train, i)));
    for (std::uint64_t i = 0; i < 200; ++i)
      CHECK_FALSE(
          training_says.contains(opening(request_at(one_line_functions(), split_held_out, i))));
  }

  TEST_CASE("the user never shows a golden pair, and the conversation ends after one answer") {
    const auto task = one_line_functions().make_task(split_train, 3, 1);
    REQUIRE(task);
    const auto move = next_user_move(one_line_functions(), *task, Transcript{});
    REQUIRE(move);
    CHECK(move->text.find("Python") != std::string::npos);
    CHECK(move->text.find("[") == std::string::npos);
    Transcript talk;
    Turn answer;
    answer.role = Role::assistant;
    talk.turns = {Turn{}, answer};
    talk.turns[1].parent = 0;
    CHECK(next_user_move(one_line_functions(), *task, talk)->ends);
  }

  TEST_CASE("a spec may choose levels and give the model python") {
    const auto family =
        open_task_family("one_line_functions", {{"levels", {1, 3}}, {"tools", true}});

    REQUIRE(family);
    std::set<std::uint32_t> levels;
    for (std::uint64_t i = 0; i < 100; ++i) {
      const auto request = request_at(**family, split_train, i);
      levels.insert(request.function.level);
      CHECK(request.has_tools);
    }
    CHECK(levels == std::set<std::uint32_t>{1, 3});
    const auto task = (*family)->make_task(split_train, 0, 1);
    CHECK((*family)->setting(*task)->tools == std::vector<std::string>{"python"});
    CHECK(one_line_functions()
              .setting(*one_line_functions().make_task(split_train, 0, 1))
              ->tools.empty());
  }

  TEST_CASE("parameters that no level or no key has are refused by name") {
    const auto check = [](const Json& parameters, const std::string& what) {
      const auto family = open_task_family("one_line_functions", parameters);
      REQUIRE_FALSE(family);
      CHECK(family.error().message.find(what) != std::string::npos);
    };
    check({{"levels", {0}}}, "0 is no level; there are 1 to 4");
    check({{"levels", {5}}}, "5 is no level");
    check({{"levels", Json::array()}}, "task.parameters.levels");
    check({{"level", {1}}}, "task.parameters.level:");
    check({{"tools", "yes"}}, "task.parameters.tools");
    CHECK_FALSE(open_task_family("short_answers", {{"x", 1}}));
  }
}
