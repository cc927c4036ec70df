"""The files that new_experiment writes, by path; $name and $Type are filled in."""

TASK_HEADER = '''// $name: the user asks for an answer with a certain letter in it. Written by scripts/new_experiment as
// a start: put a request of your own in its place.
//
// Parameters: {"letter": "e", "say": "Please use the letter e."}
#pragma once

#include <string>

#include "runtime/tasks/task_family.hpp"

namespace flywheel {

struct ${Type}Request {
  std::string letter{};  // one of a to z
  std::string say{};     // the user's message
};

Json to_json(const ${Type}Request& request);
Result<${Type}Request> parse_$name(const Json& parameters);

const TaskFamily& $name();

}  // namespace flywheel
'''

TASK_SOURCE = '''#include "runtime/tasks/$name.hpp"

#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "runtime/base/hash.hpp"
#include "runtime/base/random.hpp"

namespace flywheel {
namespace {

// Everything of one split; no letter and no phrasing is in both.
struct Book {
  std::string_view letters{};
  std::vector<std::string_view> phrases{};  // "{l}" stands for the letter
};

const Book& training_book() {
  static const Book book{"aeinorst",
                         {"Please use the letter {l}.", "Write something with an {l} in it.",
                          "Say a word that has the letter {l}."}};
  return book;
}

const Book& held_out_book() {
  static const Book book{"bdlmu", {"I want to see the letter {l}.", "Put the letter {l} in it."}};
  return book;
}

class ${Type}Family final : public TaskFamily {
 public:
  std::string_view name() const override { return "$name"; }
  std::string_view grader() const override { return "$name"; }
  std::string_view description() const override { return "an answer with a certain letter in it"; }

  Result<Task> make_task(std::string_view split, std::uint64_t index,
                         std::uint64_t seed) const override {
    if (split != split_train && split != split_held_out)
      return fail(Failure::invalid_argument,
                  fmt::format("$name has no generated split '{}': ask for train or held_out", split));
    const Book& book = split == split_train ? training_book() : held_out_book();
    Random random{derive_key({seed, hash_text(split).low, index})};
    const char letter = book.letters[random.below(book.letters.size())];
    std::string say{book.phrases[random.below(book.phrases.size())]};
    say.replace(say.find("{l}"), 3, 1, letter);
    Task task;
    task.id = generated_task_id(name(), split, index, seed);
    task.family = name();
    task.split = split;
    task.parameters = to_json(${Type}Request{std::string(1, letter), std::move(say)});
    return task;
  }

  Result<> check(const Json& parameters) const override {
    FLYWHEEL_TRY_VOID(parse_$name(parameters));
    return {};
  }

  Result<UserMove> next_user_move(const Task& task, const Transcript&,
                                  std::int32_t leaf) const override {
    FLYWHEEL_TRY(${Type}Request request, parse_$name(task.parameters));
    if (leaf == Turn::no_parent) return UserMove{.text = std::move(request.say)};
    return UserMove{.ends = true, .reason = "plan finished"};
  }

  Result<std::uint32_t> planned_turn_count(const Task&) const override { return 1u; }
};

}  // namespace

Json to_json(const ${Type}Request& request) {
  return {{"letter", request.letter}, {"say", request.say}};
}

Result<${Type}Request> parse_$name(const Json& parameters) {
  constexpr std::string_view where = "$name task";
  ${Type}Request request;
  FLYWHEEL_TRY(request.letter, json_field<std::string>(parameters, "letter", where));
  FLYWHEEL_TRY(request.say, json_field<std::string>(parameters, "say", where));
  if (request.letter.size() != 1 || request.letter[0] < 'a' || request.letter[0] > 'z')
    return fail(Failure::invalid_input, fmt::format("{}: 'letter' is not one of a to z", where));
  if (request.say.empty())
    return fail(Failure::invalid_input, fmt::format("{}: 'say' is empty", where));
  return request;
}

const TaskFamily& $name() {
  static const ${Type}Family family;
  return family;
}

}  // namespace flywheel
'''

GRADER_HEADER = '''// Judges $name: the letter that was asked for is in the answer.
#pragma once

#include "runtime/grading/grader.hpp"

namespace flywheel {

const Grader& ${name}_grader();

}  // namespace flywheel
'''

GRADER_SOURCE = '''#include "runtime/grading/${name}_grader.hpp"

#include <algorithm>

#include "runtime/tasks/$name.hpp"

namespace flywheel {
namespace {

bool is_printable(char letter) { return letter >= ' ' && letter <= '~'; }

class ${Type}Grader final : public Grader {
 public:
  std::string_view name() const override { return "$name/1"; }

  std::vector<ComponentInfo> components() const override {
    return {
        {"uses_letter", ComponentKind::pass_condition, "the letter is in the answer"},
        {"readable", ComponentKind::guard, "share of the answer that is printable ASCII"},
    };
  }

 private:
  Verdict judge(const Task& task, const Transcript& transcript) const override {
    const auto request = parse_$name(task.parameters);
    if (!request) return infra_error_verdict(name(), request.error().message);
    const auto answered = final_answer(transcript);
    if (!answered) return infra_error_verdict(name(), answered.error().message);

    const std::string answer = text_of(*answered->turn);
    const bool is_short_enough = answer.size() <= graded_bytes_max;
    const bool is_used = is_short_enough && answer.find(request->letter) != std::string::npos;
    const auto printable = std::count_if(answer.begin(), answer.end(), is_printable);
    const double readable = answer.empty() ? 0.0
                                           : static_cast<double>(printable) /
                                                 static_cast<double>(answer.size());
    return verdict_of_turns(
        name(),
        {turn_verdict(answered->index, {{"uses_letter", score(is_used)},
                                        {"readable", readable, ComponentKind::guard}})},
        1);
  }
};

}  // namespace

const Grader& ${name}_grader() {
  static const ${Type}Grader grader;
  return grader;
}

}  // namespace flywheel
'''

TASK_TEST = '''// The family $name.
#include "runtime/tasks/$name.hpp"

#include <set>

#include <doctest/doctest.h>

using namespace flywheel;

namespace {

${Type}Request request_at(std::string_view split, std::uint64_t index, std::uint64_t seed) {
  const auto task = $name().make_task(split, index, seed);
  REQUIRE(task);
  const auto request = parse_$name(task->parameters);
  REQUIRE(request);
  return *request;
}

}  // namespace

TEST_SUITE("runtime/tasks/$name") {
  TEST_CASE("asks the same for the same place, and ends after one answer") {
    CHECK(request_at(split_train, 5, 1).say == request_at(split_train, 5, 1).say);
    const auto task = $name().make_task(split_train, 5, 1);
    REQUIRE(task);
    Transcript talk;
    Turn answer;
    answer.role = Role::assistant;
    talk.turns = {Turn{}, answer};
    talk.turns[1].parent = 0;
    CHECK(next_user_move($name(), *task, talk)->ends);
  }

  TEST_CASE("training never asks for a held-out letter or in a held-out way") {
    std::set<std::string> letters;
    std::set<std::string> messages;
    for (std::uint64_t i = 0; i < 500; ++i) {
      letters.insert(request_at(split_train, i, 1).letter);
      messages.insert(request_at(split_train, i, 1).say);
    }
    for (std::uint64_t i = 0; i < 200; ++i) {
      const auto request = request_at(split_held_out, i, 1);
      CAPTURE(request.say);
      CHECK(letters.count(request.letter) == 0);
      CHECK(messages.count(request.say) == 0);
      CHECK(request.say.find('{') == std::string::npos);
    }
  }

  TEST_CASE("refuses a split that it can't generate, and parameters that are not its own") {
    CHECK_FALSE($name().make_task("test", 0, 1));
    CHECK($name().check(to_json(${Type}Request{"e", "Use e."})));
    CHECK_FALSE($name().check(to_json(${Type}Request{"E", "Use e."})));
    CHECK_FALSE($name().check(to_json(${Type}Request{"e", ""})));
    CHECK_FALSE($name().check(Json::object()));
  }
}
'''

GRADER_TEST = '''// What $name accepts, and what it does not.
#include "runtime/grading/${name}_grader.hpp"

#include <doctest/doctest.h>

#include "runtime/tasks/$name.hpp"
#include "tests/unit/runtime/grading/conversation.hpp"

using namespace flywheel;
using namespace flywheel::testing;

namespace {

TurnVerdict grade_answer(const std::string& answer) {
  Task task;
  task.family = "$name";
  task.parameters = to_json(${Type}Request{"e", "Use the letter e."});
  const auto verdict = ${name}_grader().grade(task, talk_of({"Use the letter e.", answer}));
  REQUIRE(verdict.turns.size() == 1);
  return verdict.turns[0];
}

}  // namespace

TEST_SUITE("runtime/grading/${name}_grader") {
  TEST_CASE("an answer with the letter passes, wherever it stands") {
    for (const auto* answer : {"e", "tree", "A house.", "\\xff e"}) {
      CAPTURE(answer);
      CHECK(grade_answer(answer).passed);
      CHECK(grade_answer(answer).reward == 1.0);
    }
  }

  TEST_CASE("an answer without it fails, and so does one that is too long to read") {
    for (const auto* answer : {"", "a cat", "E", "\\u00e9"}) {
      CAPTURE(answer);
      CHECK_FALSE(grade_answer(answer).passed);
    }
    CHECK_FALSE(grade_answer(std::string(graded_bytes_max + 1, 'e')).passed);
  }

  TEST_CASE("readable is the share of printable characters and no part of the pass") {
    CHECK(component(grade_answer("tree"), "readable") == 1.0);
    CHECK(component(grade_answer("e\\x01"), "readable") == 0.5);
    CHECK(component(grade_answer(""), "readable") == 0.0);
    CHECK(grade_answer("e\\x01").passed);
  }

  TEST_CASE("a task that is not its own is an infra_error") {
    const auto verdict = ${name}_grader().grade(Task{}, talk_of({"question", "answer"}));
    CHECK(verdict.status == VerdictStatus::infra_error);
  }
}
'''

SPEC = '''# Say here what the experiment asks. `flywheel plan --keys` says what every key means.
name: $name
goal: say what this serves in the long run
scenario: say who asks for what, and what goes wrong today
seed: 1

task:
  family: $name
  tasks_per_step: 4
  samples_per_task: 8

model:
  # Random weights: it shows that everything works together. For an answer that means something take
  # smollm2-135m-instruct, a Hugging Face folder or a .gguf file.
  path: tiny
  precision: float32
  context_length: 256

data:
  train_tasks: 100
  held_out_tasks: 20

learning:
  # A tenth of a million random parameters: 2e-5 is usual for a model that can speak.
  learning_rate: 1e-3

sampling:
  tokens_max: 16

budget:
  steps: 5
  disk_gib_min: 0.1
'''

PAGE = '''# $title
**Question.** Say what the experiment asks, and what answer would change what you do next.

```
scripts/build release flywheel
build/release/flywheel plan experiments/$name/first_run.yaml
build/release/flywheel run experiments/$name/first_run.yaml
```
The task is `runtime/tasks/$name.*`, its grader `runtime/grading/${name}_grader.*`.

**Result.** Not run yet. Say seed, commit and machine with every figure.
'''

FILES = {
    "runtime/tasks/$name.hpp": TASK_HEADER,
    "runtime/tasks/$name.cpp": TASK_SOURCE,
    "runtime/grading/${name}_grader.hpp": GRADER_HEADER,
    "runtime/grading/${name}_grader.cpp": GRADER_SOURCE,
    "tests/unit/runtime/tasks/${name}_test.cpp": TASK_TEST,
    "tests/unit/runtime/grading/${name}_grader_test.cpp": GRADER_TEST,
    "experiments/$name/first_run.yaml": SPEC,
    "experiments/$name/README.md": PAGE,
}
