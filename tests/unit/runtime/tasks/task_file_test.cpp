// The loader of hand-written tasks, on bad input and on the experiment's real file.
#include "runtime/tasks/task_file.hpp"

#include <set>

#include <doctest/doctest.h>

#include "runtime/tasks/structured_requests.hpp"
#include "runtime/tasks/structured_requests_phrases.hpp"

using namespace flywheel;

namespace {

StructuredRequest request_of(const Task& task) {
  auto request = parse_structured_request(task.parameters);
  REQUIRE(request);
  return *request;
}

const std::string good_line =
    R"({"family":"short_answers","parameters":{"question":"q","answers":["a"],"say":"q?"}})";

std::string error_of(std::string_view text) {
  const auto tasks = parse_task_lines(text, "tasks.jsonl");
  REQUIRE(!tasks);
  return tasks.error().message;
}

}  // namespace

TEST_SUITE("runtime/tasks/task_file") {
  TEST_CASE("loads one task a line and skips blank lines") {
    const auto tasks = parse_task_lines("\n" + good_line + "\r\n\n", "tasks.jsonl");
    REQUIRE(tasks);
    REQUIRE(tasks->size() == 1);
    CHECK((*tasks)[0].split == "hand_written");
    CHECK((*tasks)[0].family == "short_answers");
    CHECK((*tasks)[0].id.kind() == IdKind::task);
  }

  TEST_CASE("a task keeps its id when lines around it change") {
    const std::string other =
        R"({"family":"short_answers","parameters":{"question":"p","answers":["a"],"say":"p?"}})";
    const auto alone = parse_task_lines(good_line, "tasks.jsonl");
    const auto second = parse_task_lines(other + "\n" + good_line, "tasks.jsonl");
    REQUIRE(alone);
    REQUIRE(second);
    CHECK((*alone)[0].id == (*second)[1].id);
    CHECK((*second)[0].id != (*second)[1].id);
  }

  TEST_CASE("every error names the file and the line") {
    CHECK(error_of(good_line + "\n{oops").starts_with("tasks.jsonl:2: "));
    CHECK(error_of("[]").starts_with("tasks.jsonl:1: "));
    CHECK(error_of("{\"family\":\"short_answers\"}").starts_with("tasks.jsonl:1: "));
    CHECK(error_of(R"({"family":"poems","parameters":{}})").find("poems") != std::string::npos);
    CHECK(error_of(R"({"family":"short_answers","parameters":{"question":1}})")
              .starts_with("tasks.jsonl:1: "));
    CHECK(error_of(R"({"family":"short_answers","parameters":{},"famly":1})").find("famly") !=
          std::string::npos);
    CHECK(error_of(good_line + "\n\n" + good_line).starts_with("tasks.jsonl:3: "));
    CHECK(error_of("").find("no task") != std::string::npos);
  }

  TEST_CASE("a file that is not there, or is a folder, is an error that names it") {
    const auto missing = load_task_file("no/such/file.jsonl");
    REQUIRE(!missing);
    CHECK(missing.error().failure == Failure::not_found);
    CHECK(missing.error().message.find("no/such/file.jsonl") != std::string::npos);
    CHECK_FALSE(load_task_file("runtime"));
  }

  TEST_CASE("the experiment's 30 hand-written tasks load, are distinct and vary") {
    const auto tasks = load_task_file("experiments/structured_requests/data/hand_written.jsonl");
    REQUIRE_MESSAGE(tasks, (tasks ? std::string{} : tasks.error().message));
    CHECK(tasks->size() == 30);
    std::set<std::string> openings;
    std::set<std::string> personas;
    std::set<ListAsk> asks;
    std::size_t several_turns_count = 0;
    for (const Task& task : *tasks) {
      const auto request = request_of(task);
      openings.insert(request.turns[0].say);
      personas.insert(request.persona);
      several_turns_count += request.turns.size() > 1 ? 1u : 0u;
      for (const auto& turn : request.turns) asks.insert(turn.ask);
      CHECK_FALSE(request.goal.empty());
    }
    CHECK(openings.size() == 30);
    CHECK(personas.size() >= 6);
    CHECK(several_turns_count >= 8);
    CHECK(asks.size() == 6);
  }

  TEST_CASE("no hand-written message is one that training or the held-out split could say") {
    const auto tasks = load_task_file("experiments/structured_requests/data/hand_written.jsonl");
    REQUIRE(tasks);
    std::set<std::string> generated;
    for (const auto split : {split_train, split_held_out})
      for (std::uint64_t i = 0; i < 3000; ++i) {
        const auto task = structured_requests().make_task(split, i, 1);
        REQUIRE(task);
        const auto request = request_of(*task);
        for (const auto& turn : request.turns) generated.insert(turn.say);
      }
    for (const Task& task : *tasks) {
      const auto request = request_of(task);
      for (const auto& turn : request.turns) {
        CAPTURE(turn.say);
        CHECK(generated.count(turn.say) == 0);
      }
    }
  }
}
