// Functions of repositories as tasks: what is read, what the model sees and what its user says.
#include "runtime/tasks/repo_functions.hpp"

#include <filesystem>
#include <fstream>
#include <set>

#include <doctest/doctest.h>

#include "runtime/synthesis/script_runner.hpp"
#include "runtime/tasks/task_registry.hpp"

using namespace flywheel;
namespace fs = std::filesystem;

namespace {

Json instance(const std::string& name, const std::string& split) {
  return {{"instance_id", name},
          {"split", split},
          {"base_commit", "tree_1"},
          {"problem_statement", "The function `" + name + "` has lost its body."},
          {"target",
           {{"path", "pkg/a.py"},
            {"module", "pkg.a"},
            {"qualname", name},
            {"signature", "def " + name + "(x):"},
            {"indent", "    "},
            {"before_lines", 1},
            {"span", {1, 2}},
            {"hidden_files", {"tests/test_a.py"}}}},
          {"golden_io",
           {{{"input", {{1}}}, {"outcome", {{"returns", 2}}}},
            {{"input", {{5}}}, {"outcome", {{"returns", 6}}}},
            {{"input", {{7}}}, {"outcome", {{"returns", 8}}}}}},
          {"FAIL_TO_PASS", {"tests/test_a.py::test_one"}},
          {"PASS_TO_PASS", {"tests/test_a.py::test_two"}}};
}

// A repository and its instances, as `flywheel synth repo-functions` leaves them.
struct Lab {
  fs::path folder = fs::temp_directory_path() / "flywheel_repo_functions_test";
  Json parameters{{"instances_file", (folder / "instances.jsonl").string()},
                  {"trees_folder", folder.string()}};

  Lab() {
    fs::create_directories(folder / "tree_1" / "pkg");
    std::ofstream{folder / "tree_1" / "pkg" / "a.py"} << "def one(x):\n    return x + 1\n";
    write({instance("one", "train"), instance("two", "train"), instance("three", "held_out")});
  }
  ~Lab() { fs::remove_all(folder); }
  void write(const std::vector<Json>& instances) {
    std::ofstream file{folder / "instances.jsonl"};
    for (const Json& each : instances) file << each.dump() << "\n";
  }
  std::shared_ptr<const TaskFamily> family() const {
    return open_task_family("repo_functions", parameters).value();
  }
};

Transcript talk_with(const std::string& answer) {
  Transcript talk;
  talk.turns.resize(2);
  talk.turns[1].role = Role::assistant;
  talk.turns[1].parent = 0;
  talk.turns[1].parts.push_back({.text = answer});
  return talk;
}

}  // namespace

TEST_SUITE("runtime/tasks/repo_functions") {
  TEST_CASE("every instance of a split is met before one is met again") {
    const Lab lab;
    const auto family = lab.family();
    std::set<std::string> names;
    for (std::uint64_t i = 0; i < 2; ++i) {
      const auto task = family->make_task(split_train, i, 1);
      REQUIRE(task);
      CHECK(family->check(task->parameters));
      names.insert(task->parameters["instance"]["instance_id"].get<std::string>());
    }
    CHECK(names == std::set<std::string>{"one", "two"});
    CHECK(family->make_task(split_held_out, 7, 1)->parameters["instance"]["instance_id"] ==
          "three");
  }

  TEST_CASE("the model sees the repository with the body blank and the tests' files empty") {
    const Lab lab;
    const auto family = lab.family();
    const auto task = family->make_task(split_train, 0, 1);

    const auto setting = family->setting(*task);

    REQUIRE(setting);
    CHECK(setting->tools == std::vector<std::string>{"python", "shell"});
    REQUIRE(setting->folders.size() == 1);
    CHECK(setting->folders[0].source == (lab.folder / "tree_1").string());
    REQUIRE(setting->files.size() == 2);
    CHECK(setting->files[0].path == std::string{repository_folder} + "/pkg/a.py");
    CHECK(setting->files[0].text ==
          "def one(x):\n    raise NotImplementedError(\"write this function\")\n");
    CHECK(setting->files[1].path == std::string{repository_folder} + "/tests/test_a.py");
    CHECK(setting->files[1].text.empty());
  }

  TEST_CASE("the user files the request, answers one question, and then it is over") {
    const Lab lab;
    const auto family = lab.family();
    const auto task = family->make_task(split_held_out, 0, 1);
    const auto opening = next_user_move(*family, *task, Transcript{});
    CHECK(opening->text.find("`three` has lost its body") != std::string::npos);
    CHECK(opening->text.find("return x + 1") == std::string::npos);

    auto talk = talk_with("Should it raise for a negative x?");
    const auto answer = next_user_move(*family, *task, talk);
    CHECK_FALSE(answer->ends);
    CHECK(answer->text.find("{\"returns\":6}") != std::string::npos);

    Turn said;
    said.parent = 1;
    Turn again = talk.turns[1];
    again.parent = 2;
    talk.turns.push_back(said);
    talk.turns.push_back(again);
    CHECK(next_user_move(*family, *task, talk)->ends);
    CHECK(next_user_move(*family, *task, talk_with("```python\nx?\n```"))->ends);
  }

  TEST_CASE("a model that never saw a tool call is first given one to repeat") {
    Lab lab;
    lab.parameters["shows_call"] = true;
    const auto family = lab.family();
    const auto task = family->make_task(split_train, 0, 1);

    const auto first = next_user_move(*family, *task, Transcript{});
    const auto second = next_user_move(*family, *task, talk_with("It is a function."));

    CHECK(first->text.starts_with("Rewrite this text without changing anything:\n\n<tool_call>{"));
    CHECK(first->text.find("{\"command\": \"head /task/repository/pkg/a.py\"}") !=
          std::string::npos);
    CHECK_FALSE(family->setting(*task)->states_tools);
    CHECK(second->text.find("has lost its body") != std::string::npos);
    CHECK_FALSE(second->ends);
  }

  TEST_CASE("with a site folder tests decide too; without, the shown pairs never decide alone") {
    Lab lab;
    auto guessable = instance("guessable", "train");
    guessable["golden_io"][2]["outcome"] = guessable["golden_io"][0]["outcome"];
    lab.write({guessable, instance("three", "train")});
    const auto tasks = [&] {
      std::vector<Json> found;
      const auto family = lab.family();
      for (std::uint64_t i = 0; i < 2; ++i)
        found.push_back(family->make_task(split_train, i, 1)->parameters);
      return found;
    };

    for (const Json& parameters : tasks()) {
      CHECK(parameters["instance"]["instance_id"] == "three");
      CHECK(parse_repo_function_task(parameters)->site.empty());
    }
    lab.parameters["site_folder"] = (lab.folder / "site").string();
    CHECK(open_task_family("repo_functions", lab.parameters).error().message.find("no pytest") !=
          std::string::npos);
    fs::create_directories(lab.folder / "site" / "_pytest");
    const auto with_tests = tasks();
    CHECK(with_tests[0]["instance"] != with_tests[1]["instance"]);
    const auto request = parse_repo_function_task(with_tests[0]);
    REQUIRE(request);
    CHECK(request->site == lab.parameters["site_folder"].get<std::string>());
    CHECK(request->tests ==
          std::vector<std::string>{"tests/test_a.py::test_one", "tests/test_a.py::test_two"});
  }

  TEST_CASE("files that are no instances are refused with file and line") {
    Lab lab;
    const auto error = [&] {
      const auto family = open_task_family("repo_functions", lab.parameters);
      REQUIRE_FALSE(family);
      return family.error().message;
    };
    auto broken = instance("one", "train");
    broken["target"].erase("span");
    lab.write({instance("one", "train"), broken});
    CHECK(error().find("instances.jsonl:2:") != std::string::npos);
    CHECK(error().find("'span' is missing") != std::string::npos);
    auto escaping = instance("one", "train");
    escaping["target"]["path"] = "../../etc/passwd";
    lab.write({escaping});
    CHECK(error().find("leaves the repository") != std::string::npos);
    auto empty = instance("one", "train");
    empty["golden_io"] = Json::array();
    lab.write({empty});
    CHECK(error().find("'golden_io' is empty") != std::string::npos);
    lab.write({});
    CHECK(error().find("there is no instance in it") != std::string::npos);
    lab.parameters["instances_file"] = "/nowhere.jsonl";
    CHECK(error().find("flywheel synth repo-functions") != std::string::npos);
    lab.parameters = {{"instances", "x"}};
    CHECK(error().find("takes instances_file and trees_folder") != std::string::npos);
    CHECK_FALSE(repo_functions().make_task(split_train, 0, 1));
  }
}
