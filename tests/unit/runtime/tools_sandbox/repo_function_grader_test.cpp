// repo_functions from an admitted repository to a verdict, in real containers: what a solver can
// find there, and that only who writes the function passes.
#include "runtime/grading/repo_function_grader.hpp"

#include <algorithm>
#include <filesystem>

#include <doctest/doctest.h>

#include "runtime/synthesis/cheat_battery.hpp"
#include "runtime/synthesis/repo_functions.hpp"
#include "runtime/synthesis/repository_tree.hpp"
#include "runtime/tasks/repo_functions.hpp"
#include "runtime/tools/sandbox_workbench.hpp"
#include "runtime/tools/shell_tool.hpp"
#include "runtime/tools/tool_session.hpp"
#include "tests/unit/runtime/tools_sandbox/shared_host.hpp"
#include "tests/unit/storage/temporary_folder.hpp"

namespace flywheel::testing {
namespace {

namespace fs = std::filesystem;

const std::string right_body =
    "if not 1 <= number <= 3999:\n    raise ValueError('no')\n"
    "text = ''\n"
    "for value, letters in zip((1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1),\n"
    "                          'M CM D CD C XC L XL X IX V IV I'.split()):\n"
    "    text, number = text + letters * (number // value), number % value\n"
    "return text\n";

GoldenPair roman_pair(int number, const std::string& text) {
  return golden_pair(Json::array({number}), text);
}

// Where hidden tests find their runner.
fs::path site_with_pytest() {
  fs::path site = fs::absolute(".deps/synthesis/site");
  REQUIRE_MESSAGE(fs::exists(site / "_pytest"),
                  "run experiments/repo_function_synthesis/setup --site-only first");
  return site;
}

// The function `roman` of the package for tests, as an admitted tree and an instance.
struct RomanLab {
  TemporaryFolder folder{};
  std::string tree{};
  Task task{};

  RomanLab() {
    const fs::path site = folder.path() / "site";
    fs::create_directories(site / "_pytest");  // admission runs no tests
    const auto runner = ScriptRunner::make(host(), folder.path(), site);
    REQUIRE(runner);
    RepositoryTrees trees{*runner, folder.path() / "trees"};
    const auto made = trees.ensure(fs::absolute("tests/system/synth_package").string(), "marbles");
    REQUIRE_MESSAGE(made, (made ? "" : made.error().message));
    tree = made->path;
    Json golden = Json::array();
    for (const auto& pair : {roman_pair(1, "I"), roman_pair(4, "IV"), roman_pair(1994, "MCMXCIV")})
      golden.push_back({{"input", pair.input}, {"outcome", pair.outcome}});
    const Json target{{"path", "marbles/text.py"}, {"module", "marbles.text"},
                      {"qualname", "roman"},       {"signature", "def roman(number):"},
                      {"indent", "    "},          {"before_lines", 16},
                      {"span", {15, 26}},          {"hidden_files", {"tests/test_text.py"}}};
    const Json tests = {"tests/test_text.py::test_roman[1994-MCMXCIV]",
                        "tests/test_text.py::test_roman_out_of_range[0]"};
    task.parameters = {{"tree", tree},
                       {"instance",
                        {{"problem_statement", "Write roman."},
                         {"target", target},
                         {"golden_io", golden},
                         {"FAIL_TO_PASS", tests},
                         {"PASS_TO_PASS", {"tests/test_text.py::test_undocumented[0]"}}}}};
  }

  Verdict grade(const std::string& body) const {
    std::string code = "def roman(number):\n    ";
    for (const char each : body) code += each == '\n' ? std::string{"\n    "} : std::string{each};
    Transcript talk;
    talk.turns.resize(1);
    talk.turns[0].role = Role::assistant;
    talk.turns[0].finish = FinishReason::stop;
    talk.turns[0].parts.push_back({.text = "```python\n" + code + "\n```"});
    return repo_function_grader().code_grader()->grade_by_running(
        task, talk, [](const CodeJudgement& judgement) { return judge_code(host(), judgement); });
  }
};

}  // namespace

TEST_SUITE("runtime/tools_sandbox/repo_function_grader") {
  TEST_CASE("the written function passes; wrong bodies and every cheat fail") {
    const RomanLab lab;

    const Verdict right = lab.grade(right_body);

    CHECK_MESSAGE(right.status == VerdictStatus::pass, right.note);
    CHECK(lab.grade("return \"WRONG\"\n").status == VerdictStatus::fail);
    CHECK(lab.grade("raise NotImplementedError\n").status == VerdictStatus::fail);
    const auto shown = roman_pair(1, "I");
    for (const Cheat& cheat : cheat_battery({"roman", "number", shown.input, shown.outcome})) {
      CAPTURE(cheat.name);
      CHECK(lab.grade(cheat.body).status == VerdictStatus::fail);
    }
  }

  TEST_CASE("hidden tests decide where the pairs do not, and the shown pairs alone never do") {
    const fs::path site = site_with_pytest();
    RomanLab lab;
    Json& golden = lab.task.parameters["instance"]["golden_io"];
    golden[2] = golden[1];
    const std::string look_up = "return 'I' if number == 1 else 'IV'\n";
    CHECK(lab.grade(look_up).status == VerdictStatus::pass);  // such a task is never made
    CHECK(shown_pairs_suffice(golden));

    lab.task.parameters["site"] = site.string();
    const Verdict right = lab.grade(right_body), looked_up = lab.grade(look_up);

    CHECK_MESSAGE(right.status == VerdictStatus::pass, right.note);
    CHECK(looked_up.status == VerdictStatus::fail);
    CHECK(looked_up.note.find("tests do not pass") != std::string::npos);
    // The calls are made where the tests are still hidden.
    CHECK(
        lab.grade("import os\n"
                  "return 'I' if os.path.getsize('/task/repository/tests/test_text.py') else ''\n")
            .note.find("golden pair 0") != std::string::npos);
  }

  TEST_CASE("a body that is right on the pairs alone can't write its tests' results") {
    const fs::path site = site_with_pytest();
    RomanLab lab;
    Json& golden = lab.task.parameters["instance"]["golden_io"];
    golden[2] = golden[1];
    lab.task.parameters["site"] = site.string();
    const auto forger = [](const std::string& line_after, const std::string& last) {
      return "import os\n"
             "if number in (1, 4):\n"
             "    return 'I' if number == 1 else 'IV'\n"
             "for file in range(3, 64):\n"
             "    try:\n"
             "        os.write(file, b'0 p\\n1 p\\n2 p\\n" +
             line_after +
             "')\n"
             "    except OSError:\n"
             "        pass\n" +
             last;
    };

    const Verdict going_on = lab.grade(forger("", "return ''\n"));
    const Verdict ended = lab.grade(forger("", "os._exit(0)\n"));
    const Verdict ended_by_guess = lab.grade(forger("end \\n", "os._exit(0)\n"));

    CHECK(going_on.status == VerdictStatus::fail);
    CHECK(going_on.note.find("3 of 3 tests do not pass") != std::string::npos);
    CHECK(ended.status == VerdictStatus::fail);
    CHECK(ended.note.find("did not run to their end") != std::string::npos);
    CHECK(ended_by_guess.status == VerdictStatus::fail);
    CHECK(lab.grade(right_body).status == VerdictStatus::pass);
  }

  TEST_CASE("a solver finds neither the body nor its tests, not even as byte code") {
    const RomanLab lab;
    const auto setting = repo_functions().setting(lab.task);
    REQUIRE(setting);
    SandboxSpec spec;
    for (const auto& [source, target] : setting->folders) spec.binds.push_back({source, target});
    std::vector<WorkbenchFile> files;
    for (const SettingFile& file : setting->files) files.push_back({file.path, file.text});
    ToolSession session{[&] { return make_sandbox_workbench(host(), spec, files); }};
    const auto shell = [&](const std::string& command) {
      return shell_tool({})->run({{"command", command}}, session);
    };

    CHECK(shell("head /task/repository/marbles/text.py").status == ToolStatus::done);
    CHECK(shell("grep -rlE 'MCMXCIV|MMMCMXCIX|out of range' /task/repository").status ==
          ToolStatus::failed);
    const auto sizes = shell(
        "stat -c '%s %n' /task/repository/marbles/__pycache__/text.*.pyc "
        "/task/repository/tests/__pycache__/test_text.*.pyc");
    CHECK(sizes.status == ToolStatus::done);
    CHECK(std::ranges::count(sizes.text, '\n') == 2);
    CHECK(sizes.text.starts_with("0 "));
    CHECK(sizes.text.find("\n0 ") != std::string::npos);
    CHECK(shell("cd /task/repository && python3 -c 'import marbles; marbles.roman(1)' 2>&1 | "
                "grep -q NotImplementedError && stat -c %s marbles/__pycache__/bags.*.pyc")
              .status == ToolStatus::done);
  }
}

}  // namespace flywheel::testing
