// Questions about documentation pages, and answers that cite them.
#include "runtime/grading/cited_answer_grader.hpp"

#include <filesystem>
#include <fstream>
#include <set>

#include <doctest/doctest.h>

#include "runtime/tasks/cited_answers.hpp"
#include "runtime/tasks/task_registry.hpp"

using namespace flywheel;

namespace {

Verdict grade(std::vector<Part> parts, FinishReason finish = FinishReason::stop) {
  Task task;
  task.parameters = {{"url", "https://doc.example/sets"}, {"title", "Sets"}, {"say", "?"}};
  Transcript talk;
  talk.turns.resize(1);
  talk.turns[0].role = Role::assistant;
  talk.turns[0].finish = finish;
  talk.turns[0].parts = std::move(parts);
  return cited_answer_grader().grade(task, talk);
}

const Part cited{.text = "A set keeps no order of its items.", .name = "https://doc.example/sets"};

}  // namespace

TEST_SUITE("runtime/grading/cited_answer") {
  TEST_CASE("words of the asked page that are cited pass") {
    CHECK(grade({{.text = "It says: "}, cited}).status == VerdictStatus::pass);
  }

  TEST_CASE("no citation, another page's, a few letters or a cut answer fail") {
    CHECK(grade({{.text = cited.text}}).status == VerdictStatus::fail);
    CHECK(grade({{.text = cited.text, .name = "https://doc.example/lists"}}).status ==
          VerdictStatus::fail);
    CHECK(grade({{.text = "A set", .name = cited.name}}).status == VerdictStatus::fail);
    for (const char* words : {"                         ", "-------------------------",
                              "- - - - - - - - - - - - -", "1 2 3 4 5 6 7 8 9 10 11 12",
                              "\xe2\x80\x94 \xe2\x80\x94 \xe2\x80\x94 \xe2\x80\x94 \xe2\x80\x94",
                              "see https://doc.example/sets/order"})
      CHECK(grade({{.text = words, .name = cited.name}}).status == VerdictStatus::fail);
    CHECK(grade({cited}, FinishReason::length).status == VerdictStatus::fail);
    CHECK(grade({cited}, FinishReason::cancelled).status == VerdictStatus::infra_error);
    CHECK(grade({{.kind = PartKind::tool_result, .text = cited.text, .name = cited.name}}).status ==
          VerdictStatus::fail);
  }

  TEST_CASE("tasks are made of the snapshot's pages; held-out pages are not met in training") {
    const auto path = std::filesystem::temp_directory_path() / "flywheel_cited_test.jsonl";
    {
      std::ofstream file{path};
      file << "{\"format\": 1}\n";
      for (int i = 0; i < 40; ++i)
        file << Json{{"url", "u" + std::to_string(i)},
                     {"title", "page " + std::to_string(i % 37)},
                     {"text", std::string(i == 0 ? 10 : 300, 'x')}}
                    .dump()
             << "\n";
    }
    const auto family = open_task_family("cited_answers", {{"snapshot_file", path.string()}});
    REQUIRE(family);
    std::set<std::string> training;
    for (std::uint64_t i = 0; i < 200; ++i) {
      const auto task = (*family)->make_task(split_train, i, 1);
      REQUIRE(task);
      CHECK((*family)->check(task->parameters));
      training.insert(task->parameters["url"]);
    }
    CHECK_FALSE(training.contains("u0"));  // too little text
    for (const char* twin : {"u1", "u2", "u37", "u38", "u39"}) CHECK_FALSE(training.contains(twin));
    for (std::uint64_t i = 0; i < 200; ++i)
      CHECK_FALSE(training.contains((*family)->make_task(split_held_out, i, 1)->parameters["url"]));
    CHECK((*family)->setting({})->tools == std::vector<std::string>{"browse"});
    std::filesystem::remove(path);

    CHECK_FALSE(open_task_family("cited_answers", {{"snapshot_file", path.string()}}));
    CHECK_FALSE(open_task_family("cited_answers", {{"snapshot", "x"}}));
    CHECK_FALSE(cited_answers().make_task(split_train, 0, 1));
  }
}
