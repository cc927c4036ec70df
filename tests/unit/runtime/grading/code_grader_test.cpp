// Graders that run code, over a scripted judge: what is run of an answer, and what its verdict is.
// The same over real containers: tests/unit/runtime/tools_sandbox.
#include "runtime/grading/code_grader.hpp"

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <doctest/doctest.h>

#include "runtime/grading/function_body.hpp"
#include "runtime/grading/one_line_function_grader.hpp"
#include "runtime/grading/repo_function_grader.hpp"
#include "runtime/tasks/one_line_functions.hpp"
#include "runtime/tasks/repo_functions.hpp"

using namespace flywheel;

namespace {

struct Lab {
  Task task = *one_line_functions().make_task(split_train, 0, 1);
  const CodeGrader* grader = one_line_function_grader().code_grader();
  CodeVerdict answer{.status = VerdictStatus::pass, .golden_passed = 10, .golden_count = 10};
  std::vector<CodeJudgement> judged{};

  Verdict grade(const std::string& words, FinishReason finish = FinishReason::stop) {
    Transcript talk;
    talk.turns.resize(2);
    talk.turns[1].role = Role::assistant;
    talk.turns[1].parent = 0;
    talk.turns[1].finish = finish;
    talk.turns[1].parts.push_back({.text = words});
    return grader->grade_by_running(task, talk, [this](const CodeJudgement& judgement) {
      judged.push_back(judgement);
      return Result<CodeVerdict>{answer};
    });
  }
};

const std::string block = "```python\ndef f(n):\n    return n + 1\n```";

}  // namespace

TEST_SUITE("runtime/grading/code_grader") {
  TEST_CASE("the code of an answer is its one block, or all of it where there is no fence") {
    CHECK(code_in_answer("Sure:\n```python\nx = 1\n```\nDone.") == "x = 1\n");
    CHECK(code_in_answer("```\nx = 1\n```") == "x = 1\n");
    CHECK(code_in_answer("x = 1") == "x = 1");
    CHECK(code_in_answer("```python\nx = 1\n").empty());
    CHECK(code_in_answer("x = 1\n```").empty());
    CHECK(code_in_answer("```\na\n```\n```\nb\n```").empty());
  }

  TEST_CASE("a function that is right on every pair passes, and every pair is asked for") {
    Lab lab;

    const Verdict verdict = lab.grade(block);

    CHECK(verdict.status == VerdictStatus::pass);
    CHECK(verdict.reward == 1.0);
    REQUIRE(lab.judged.size() == 1);
    const CodeJudgement& judgement = lab.judged[0];
    CHECK(judgement.entry == "f");
    CHECK(judgement.solution[0].text == "def f(n):\n    return n + 1\n");
    const auto request = parse_one_line_request(lab.task.parameters);
    CHECK(judgement.golden.size() == request->function.pairs.size());
    CHECK(judgement.golden[0].outcome["returns"] == request->function.pairs[0].result);
  }

  TEST_CASE("a function that is right on some pairs earns their share, and fails") {
    Lab lab;
    lab.answer = {.status = VerdictStatus::fail,
                  .reason = "golden pair 5 came to something else",
                  .golden_passed = 5,
                  .golden_count = 10};

    const Verdict verdict = lab.grade(block);

    CHECK(verdict.status == VerdictStatus::fail);
    CHECK(verdict.reward == doctest::Approx(partial_credit_max * (1.0 + 0.5) / 2));
    CHECK(verdict.note == "golden pair 5 came to something else");
  }

  TEST_CASE("all pairs right without the judge's pass is no pass: it saw a cheat") {
    Lab lab;
    lab.answer.status = VerdictStatus::fail;
    const Verdict verdict = lab.grade(block);
    CHECK(verdict.status == VerdictStatus::fail);
    CHECK(verdict.turns[0].components[1].value == 0.0);
  }

  TEST_CASE("a run out of time is a timeout, rewarded like a failure") {
    Lab lab;
    lab.answer = {.status = VerdictStatus::timeout, .reason = "ran out of time"};
    lab.answer.golden_count = 10;
    const Verdict timeout = lab.grade(block);
    lab.answer.status = VerdictStatus::fail;
    const Verdict failure = lab.grade(block);

    CHECK(timeout.status == VerdictStatus::timeout);
    CHECK(timeout.note == "ran out of time");
    CHECK(failure.status == VerdictStatus::fail);
    CHECK(timeout.reward == failure.reward);
  }

  TEST_CASE("all pairs right and some tests are more than some pairs, and no pass") {
    Lab lab;
    lab.answer.status = VerdictStatus::fail;
    lab.answer.test_count = 5;
    lab.answer.tests_passed = 2;
    CHECK(lab.grade(block).status == VerdictStatus::fail);
    CHECK(lab.grade(block).turns[0].components[1].value == doctest::Approx(12.0 / 15));
  }

  TEST_CASE("where tests alone decide, a pass is all right and a failure is their share") {
    Lab lab;
    lab.answer = {.status = VerdictStatus::pass, .tests_passed = 4, .test_count = 4};
    CHECK(lab.grade(block).status == VerdictStatus::pass);
    CHECK(lab.grade(block).turns[0].components[1].value == 1.0);
    lab.answer.status = VerdictStatus::fail;
    lab.answer.tests_passed = 1;
    CHECK(lab.grade(block).status == VerdictStatus::fail);
    CHECK(lab.grade(block).turns[0].components[1].value == doctest::Approx(0.25));
  }

  TEST_CASE("answers without one function f are failed without running anything") {
    for (const char* words :
         {"I can't.", "```python\ndef g(n):\n    return n\n```", "", "The function f(n) adds one.",
          "```python\ndef f(n):\n    return n", "def ff(n): return n"}) {
      CAPTURE(words);
      Lab lab;
      CHECK(lab.grade(words).status == VerdictStatus::fail);
      CHECK(lab.judged.empty());
    }
    Lab lab;
    CHECK(lab.grade(std::string(graded_bytes_max, ' ') + block).status == VerdictStatus::fail);
    CHECK(lab.grade("f = lambda n: n + 1").status == VerdictStatus::pass);
  }

  TEST_CASE("what our side can't judge is infra_error, never a reward of 0") {
    Lab lab;
    lab.answer = {.status = VerdictStatus::infra_error, .reason = "no container"};
    CHECK(lab.grade(block).status == VerdictStatus::infra_error);
    CHECK(lab.grade(block).note == "no container");
    CHECK(lab.grade(block, FinishReason::cancelled).status == VerdictStatus::infra_error);
    lab.task.parameters = Json::object();
    CHECK(lab.grade(block).status == VerdictStatus::infra_error);

    Transcript talk;
    talk.turns.resize(1);
    const auto refuse = [](const CodeJudgement&) -> Result<CodeVerdict> {
      return fail(Failure::unavailable, "the sandbox is closed");
    };
    const auto crash = [](const CodeJudgement&) -> Result<CodeVerdict> {
      throw std::runtime_error{"it fell over"};
    };
    Lab other;
    talk.turns[0].role = Role::assistant;
    talk.turns[0].parts.push_back({.text = block});
    CHECK(other.grader->grade_by_running(other.task, talk, refuse).note == "the sandbox is closed");
    CHECK(other.grader->grade_by_running(other.task, talk, crash).note == "it fell over");
    CHECK(other.grader->grade_by_running(other.task, talk, {}).status ==
          VerdictStatus::infra_error);
    CHECK(one_line_function_grader().grade(other.task, talk).status == VerdictStatus::infra_error);
  }

  TEST_CASE("the body of a function is taken out of the code around it") {
    const std::string code =
        "import os\n\n"
        "class A:\n"
        "    @property\n"
        "    def walk(self, a=(1, 2),\n"
        "             b: str = ':') -> dict:\n"
        "        \"\"\"Says.\"\"\"\n"
        "        if a:\n"
        "            return 1\n"
        "\n"
        "        return 2\n"
        "    def other(self):\n"
        "        return 3\n";
    CHECK(function_body_in(code, "walk") ==
          "import os\n\"\"\"Says.\"\"\"\nif a:\n    return 1\n\nreturn 2\n");
    CHECK(function_body_in(code, "other") == "import os\nreturn 3\n");
    CHECK(function_body_in(code, "wal").empty());
    CHECK(function_body_in("def f(x):\n", "f").empty());
    CHECK(function_body_in("def f(x", "f").empty());
    CHECK(function_body_in("async def f(x):\n  return x\n", "f") == "return x\n");
  }

  TEST_CASE("strings, comments and brackets do not end a function, imports above it go along") {
    CHECK(function_body_in("def f(x): return x + 1", "f") == "return x + 1\n");
    CHECK(function_body_in("def f(x): return g(x,\n  2)\ny = 1\n", "f") == "return g(x,\n  2)\n");
    CHECK(function_body_in("def f(x):  # note\n    return x\n", "f") == "return x\n");
    CHECK(function_body_in("def f(x, sep=\"(\"):\n    return x\n", "f") == "return x\n");
    CHECK(function_body_in("def f(x, y={1: 2}) -> dict[str, int]: # :\n  return x", "f") ==
          "return x\n");
    CHECK(function_body_in("def f(x='''\na:'''):\n  return x\n", "f") == "return x\n");
    CHECK(function_body_in("def f(x):\n    y = '''a\nb\n  # c'''\n    return y\nz = 1\n", "f") ==
          "y = '''a\nb\n  # c'''\nreturn y\n");
    CHECK(function_body_in("def f(x):\n    y = [1,\n2]\n# note\n    return y\n", "f") ==
          "y = [1,\n2]\n# note\nreturn y\n");
    CHECK(function_body_in("s = '''\ndef f(x):\n    return 1\n'''\ndef f(x):\n    return 2\n",
                           "f") == "return 2\n");
    CHECK(function_body_in("from __future__ import annotations\nimport re\nfrom a import (\n"
                           "    b)\nfrom c import *\nimport key\n\ndef f(x, *, key=re):\n"
                           "    return b\nimport os\n",
                           "f") == "import re\nfrom a import (\n    b)\nreturn b\n");
    CHECK(function_body_in("def f(x):\r\n    return x\r\n", "f") == "return x\r\n");
    CHECK(function_body_in("def f(x): # only a note\n", "f").empty());
    CHECK(function_body_in("def f(x", "f").empty());
    CHECK(function_body_in("x = '''def f(x): return 1", "f").empty());
  }

  TEST_CASE("a repository's function is judged in its file, with the tests' files masked") {
    namespace fs = std::filesystem;
    const fs::path tree = fs::temp_directory_path() / "flywheel_repo_grader_test";
    fs::create_directories(tree / "pkg");
    std::ofstream{tree / "pkg" / "a.py"} << "def one(x):\n    \"\"\"Doc.\"\"\"\n    return x + 1\n";
    const Json target{{"path", "pkg/a.py"}, {"module", "pkg.a"},
                      {"qualname", "one"},  {"signature", "def one(x):"},
                      {"indent", "    "},   {"before_lines", 2},
                      {"span", {1, 3}},     {"hidden_files", {"tests/test_a.py"}}};
    const Json pair{{"input", Json::array()}, {"outcome", {{"returns", 2}}}};
    Lab lab;
    lab.grader = repo_function_grader().code_grader();
    lab.task.parameters = {
        {"tree", tree.string()},
        {"instance",
         {{"problem_statement", "Write one."}, {"target", target}, {"golden_io", {pair}}}}};

    const Verdict verdict = lab.grade("```python\ndef one(x):\n    return 1 + x\n```");

    CHECK(verdict.status == VerdictStatus::pass);
    REQUIRE(lab.judged.size() == 1);
    const CodeJudgement& judgement = lab.judged[0];
    CHECK(judgement.solution[0].path == "pkg/a.py");
    CHECK(judgement.solution[0].text == "def one(x):\n    \"\"\"Doc.\"\"\"\n    return 1 + x\n");
    CHECK(judgement.hidden == std::vector<std::string>{"tests/test_a.py"});
    CHECK(judgement.tests.empty());
    CHECK(judgement.entry == "one");
    CHECK(judgement.golden.size() == 1);
    CHECK(lab.grade("```python\ndef two(x):\n    return 1\n```").status == VerdictStatus::fail);
    CHECK(lab.judged.size() == 1);
    fs::remove_all(tree);
  }
}
