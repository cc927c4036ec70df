// The judge over one-line functions, in real containers: right, wrong, hanging, cheating.
#include "runtime/synthesis/code_judge.hpp"

#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include <doctest/doctest.h>

#include "runtime/synthesis/cheat_battery.hpp"
#include "runtime/synthesis/python_files.hpp"
#include "runtime/synthesis/repo_functions.hpp"
#include "tests/unit/storage/temporary_folder.hpp"

namespace flywheel {
namespace {

class Court {
 public:
  Court() {
    SandboxHostConfig config;
    config.state_folder = (folder_.path() / "sandbox").string();
    auto host = SandboxHost::open(config);
    REQUIRE_MESSAGE(host, (host ? "" : host.error().message));
    host_ = std::move(*host);
  }

  CodeVerdict judge(const CodeJudgement& judgement) {
    auto verdict = judge_code(*host_, judgement);
    REQUIRE_MESSAGE(verdict, (verdict ? "" : verdict.error().message));
    return *verdict;
  }
  SandboxHost& host() { return *host_; }

 private:
  TemporaryFolder folder_;
  std::unique_ptr<SandboxHost> host_;
};

CodeJudgement nth_even(const std::string& body) {
  CodeJudgement judgement;
  judgement.module = "solution";
  judgement.entry = "nth_even";
  judgement.solution = {{"solution.py", "def nth_even(n):\n" + body}};
  for (const int n : {0, 1, 2, 7, 100})
    judgement.golden.push_back(golden_pair(Json::array({n}), 2 * n));
  return judgement;
}

std::string indented(const std::string& body) {
  std::string text = "    ";
  for (const char each : body) text += each == '\n' ? std::string{"\n    "} : std::string{each};
  return text + "\n";
}

}  // namespace

TEST_SUITE("runtime/synthesis/code_judge") {
  TEST_CASE("a right solution passes every pair, a wrong one fails with the first pair it misses") {
    Court court;

    const auto right = court.judge(nth_even("    return 2 * n\n"));
    const auto wrong = court.judge(nth_even("    return n + n % 3\n"));

    CHECK_MESSAGE(right.status == VerdictStatus::pass, right.reason);
    CHECK(right.golden_passed == 5);
    CHECK(right.golden_count == 5);
    CHECK(wrong.status == VerdictStatus::fail);
    CHECK(wrong.golden_passed < 5);
    CHECK(wrong.reason.find("golden pair 3") != std::string::npos);
  }

  TEST_CASE("a number with a fraction, a raised error and broken code are no right answers") {
    Court court;
    for (const char* body : {"    return 2.0 * n\n", "    raise ValueError\n", "    return (\n",
                             "    return str(2 * n)\n", "    import os; os.kill(0, 9)\n"}) {
      CAPTURE(body);
      CHECK(court.judge(nth_even(body)).status == VerdictStatus::fail);
    }
  }

  TEST_CASE("objects, changed arguments and raised errors are compared") {
    Court court;
    CodeJudgement judgement;
    judgement.module = "solution";
    judgement.entry = "count";
    judgement.solution = {
        {"solution.py",
         "def count(words):\n"
         "    if not words:\n"
         "        raise KeyError('none')\n"
         "    return {w: words.count(w) for w in sorted(words, reverse=True)}\n"}};
    const Json words = Json::array({Json::array({"a", "b", "a"})});
    judgement.golden = {golden_pair(words, {{"a", 2}, {"b", 1}}),
                        golden_pair_raising(Json::array({Json::array()}), "KeyError")};

    CHECK(court.judge(judgement).status == VerdictStatus::pass);

    judgement.solution[0].text =
        "def count(words):\n    words.sort()\n"
        "    if not words:\n        raise KeyError\n"
        "    return {w: words.count(w) for w in words}\n";
    CHECK(court.judge(judgement).status == VerdictStatus::fail);
  }

  TEST_CASE("what never ends runs out of time, what eats memory fails") {
    Court court;
    auto endless = nth_even("    while True: pass\n");
    endless.time_max = std::chrono::milliseconds{700};
    auto hungry = nth_even("    return len('x' * (1 << 34)) and 2 * n\n");

    const auto out_of_time = court.judge(endless);

    CHECK(out_of_time.status == VerdictStatus::timeout);
    CHECK(out_of_time.wall_time < std::chrono::seconds{5});
    CHECK(court.judge(hungry).status == VerdictStatus::fail);
  }

  TEST_CASE("no cheat of the battery passes, and the battery has at least twelve") {
    Court court;
    const auto honest = nth_even("    return 2 * n\n");
    const auto cheats = cheat_battery(
        {"nth_even", "n", honest.golden.front().input, honest.golden.front().outcome});
    CHECK(cheats.size() >= 12);
    for (const Cheat& cheat : cheats) {
      CAPTURE(cheat.name);
      const auto verdict = court.judge(nth_even(indented(cheat.body)));
      CHECK(verdict.status == VerdictStatus::fail);
    }
  }

  TEST_CASE("judgements that make no sense are refused by name") {
    Court court;
    auto outside = nth_even("    return 2 * n\n");
    outside.solution[0].path = "../solution.py";
    auto nothing = nth_even("    return 2 * n\n");
    nothing.golden.clear();
    auto no_site = nth_even("    return 2 * n\n");
    no_site.tests = {"test_solution.py::test_it"};

    CHECK(judge_code(court.host(), outside).error().failure == Failure::invalid_argument);
    CHECK(judge_code(court.host(), nothing).error().failure == Failure::invalid_argument);
    CHECK(judge_code(court.host(), no_site).error().failure == Failure::invalid_argument);
  }

  TEST_CASE("what a stage depends on is in its settings, and stays the same for the same options") {
    Court court;
    TemporaryFolder folder;
    const auto site = folder.path() / "site";
    std::filesystem::create_directories(site / "_pytest");
    const auto settings = [&](const RepoFunctionsConfig& config) {
      const auto runner = ScriptRunner::make(court.host(), folder.path(), site);
      REQUIRE(runner);
      RepositoryTrees trees{*runner, folder.path() / "trees"};
      std::map<std::string, std::string> found;
      for (const Stage& each : repo_function_stages(*runner, trees, config))
        found[each.name] = each.settings;
      return found;
    };
    const auto changed = [&](const auto& before, const auto& after) {
      std::set<std::string> names;
      for (const auto& [name, text] : before)
        if (after.at(name) != text) names.insert(name);
      return names;
    };
    using Names = std::set<std::string>;
    const auto plain = settings({});

    CHECK(changed(plain, settings({})) == Names{});
    CHECK(changed(plain, settings({.candidates_max = 7})) == Names{"survey"});
    CHECK(changed(plain, settings({.gold_runs = 3})) == Names{"validate"});
    std::ofstream{site / "_pytest" / "more.py"} << "x";
    CHECK(changed(plain, settings({})).size() == 7);
    CHECK(stamp_of_scripts({"validate.py"}) != stamp_of_scripts({"survey.py"}));
    CHECK(stamp_of_scripts({"judge.py", "values.py"}) == stamp_of_scripts({"judge.py"}));
  }
}

}  // namespace flywheel
