// What is made of finished items: bodies put back, near duplicates out, whole repositories held
// out.
#include "runtime/synthesis/repo_functions.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include <doctest/doctest.h>

#include "runtime/base/file.hpp"
#include "runtime/synthesis/unified_diff.hpp"
#include "tests/unit/storage/temporary_folder.hpp"

namespace flywheel {
namespace {

namespace fs = std::filesystem;

// Where the repositories of all items lie: a function with its body, and tests of it.
struct Trees {
  TemporaryFolder folder{};

  Trees() {
    write("a.py", source);
    write("t.py", "");
    write("__pycache__/a.cpython-311.pyc", "x");
  }
  void write(const std::string& path, const std::string& text) const {
    const fs::path file = folder.path() / "00" / path;
    fs::create_directories(file.parent_path());
    std::ofstream{file} << text;
  }
  RepoFunctionSet select(const std::vector<PipelineItem>& items,
                         const RepoFunctionsConfig& config = {}) const {
    auto set = select_instances(items, folder.path(), config);
    REQUIRE_MESSAGE(set, (set ? "" : set.error().message));
    return std::move(*set);
  }

  static inline const std::string source =
      "def f():\n    x = 1\n    return x\n\n\ny = 1\nz = 2\nlast = 3\n";
};

PipelineItem item(const std::string& repository, const std::string& name,
                  const std::vector<std::string>& tokens) {
  const Json pair = Json::array({Json::array(), {{"returns", 1}}});
  Json data{{"name", repository},
            {"version", "1.0"},
            {"license", "MIT"},
            {"created_at", "2020-01-01T00:00:00Z"},
            {"content", "00"},
            {"suite", {{"stable", 3}, {"flaky", 0}, {"failing", 0}, {"skipped", 0}}},
            {"cheats", {{"constant", "fail"}}},
            {"leak_report", {{"leaks", false}}}};
  data["target"] = {{"path", "a.py"},     {"module", "a"},
                    {"qualname", name},   {"line", 1},
                    {"span", {1, 3}},     {"signature", ""},
                    {"doc", ""},          {"indent", "    "},
                    {"before_lines", 1},  {"body", "    x = 1\n    return x\n"},
                    {"tokens", tokens},   {"complexity", 1},
                    {"covering_count", 2}};
  data["proof"] = {{"gold_passes", 10},
                   {"gold_runs", 10},
                   {"mutants", Json::object()},
                   {"mutant_count", 4},
                   {"mutants_killed", 4},
                   {"pairs_drawn", 0},
                   {"inputs_traced", 3},
                   {"inputs_unstable", 0},
                   {"golden", {pair, pair, pair}},
                   {"fail_to_pass", {"t.py::one"}},
                   {"pass_to_pass", {"t.py::two", "u.py::x"}}};
  return {repository + "/" + name, repository, data};
}

std::vector<std::string> tokens(int seed) {
  std::vector<std::string> found;
  for (int n = 0; n < 60; ++n) found.push_back(std::to_string(seed * 1000 + n));
  return found;
}

std::vector<PipelineItem> three_repositories() {
  std::vector<PipelineItem> items;
  int seed = 0;
  for (const auto& [name, count] : {std::pair{"large", 12}, {"middle", 5}, {"small", 3}})
    for (int n = 0; n < count; ++n)
      items.push_back(item(name, "f" + std::to_string(n), tokens(++seed)));
  return items;
}

}  // namespace

TEST_SUITE("runtime/synthesis/repo_functions") {
  TEST_CASE("a body is exchanged line by line and all else stays") {
    const std::string file = "import x\ndef f(a):\n    '''doc'''\n    b = a\n    return b\n\ny = 1";
    const Json target{{"before_lines", 3}, {"span", {2, 5}}, {"indent", "    "}};

    CHECK(
        with_body(file, target, "if a:\n    return 1\n\nreturn 2\n") ==
        "import x\ndef f(a):\n    '''doc'''\n    if a:\n        return 1\n\n    return 2\n\ny = 1");
    CHECK(with_body("def f():\n    pass\n",
                    {{"before_lines", 1}, {"span", {1, 2}}, {"indent", "    "}},
                    "x = '''a\n  b\n'''\nreturn x\n") ==
          "def f():\n    x = '''a\n  b\n'''\n    return x\n");
  }

  TEST_CASE("no repository is on both sides, the largest trains, and enough is held out") {
    const Trees trees;
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
      CAPTURE(seed);
      RepoFunctionsConfig config;
      config.seed = seed;
      const auto set = trees.select(three_repositories(), config);
      std::map<std::string, std::set<std::string>> sides;
      std::size_t held_out = 0;
      for (const Json& each : set.instances) {
        sides[each.at("repo")].insert(each.at("split").get<std::string>());
        held_out += each.at("split") == "held_out" ? 1 : 0;
      }
      CHECK(set.instances.size() == 20);
      for (const auto& [name, of_one] : sides) CHECK(of_one.size() == 1);
      CHECK(sides.at("large") == std::set<std::string>{"train"});
      CHECK(held_out >= 4);
    }
  }

  TEST_CASE("a near duplicate is dropped with the name of the one that stays") {
    auto items = three_repositories();
    auto copy = items.front();
    copy.id = "small/copy";
    items.push_back(copy);

    const auto set = Trees{}.select(items);

    CHECK(set.instances.size() == 20);
    REQUIRE(set.rejected.size() == 1);
    CHECK(set.rejected[0].id == "small/copy");
    CHECK(set.rejected[0].detail == "large/f0");
  }

  TEST_CASE("an instance has the common keys, hides its tests and hashes its content") {
    const Trees trees;
    const auto set = trees.select({item("one", "f", tokens(1))});

    REQUIRE(set.instances.size() == 1);
    const Json& instance = set.instances[0];
    for (const char* key :
         {"instance_id", "repo", "base_commit", "environment_setup_commit", "version", "created_at",
          "problem_statement", "hints_text", "patch", "test_patch", "FAIL_TO_PASS", "PASS_TO_PASS",
          "image_name", "target", "license", "golden_io", "quality", "leak_report", "content_hash"})
      CHECK_MESSAGE(instance.contains(key), key);
    CHECK(instance.at("instance_id") == "one-1.0__a.f");
    CHECK(instance.at("target").at("hidden_files") ==
          Json({"__pycache__/a.cpython-311.pyc", "t.py", "u.py"}));
    auto other = item("one", "f", tokens(1));
    other.data["license"] = "ISC";
    CHECK(trees.select({other}).content_hash != set.content_hash);
    CHECK(trees.select({item("one", "f", tokens(1))}).content_hash == set.content_hash);
    CHECK(select_instances({other}, trees.folder.path() / "gone", {}).error().failure ==
          Failure::not_found);
  }

  TEST_CASE("every test file that names the function is hidden with its byte code") {
    const Trees trees;
    trees.write("tests/test_direct.py", "assert a.f() == 1");
    trees.write("tests/__pycache__/test_direct.cpython-311.pyc", "x");
    trees.write("tests/test_other.py", "assert a.ff(f_) and ff and prefix.g");
    trees.write("tests/data/cases.txt", "f gives 1");
    trees.write("pkg/f_test.py", "import f");
    trees.write("docs/usage.py", "f()");
    const auto method = [](const std::string& name) {
      auto made = item("two", name, tokens(2));
      made.data["target"]["path"] = "a.py";
      return made;
    };

    const auto of_function = trees.select({item("one", "f", tokens(1))});
    trees.write("tests/test_bag.py", "bag = Bag(); bag.take(1)");
    trees.write("tests/test_module.py", "from a import *; x.take(1)");
    trees.write("tests/test_operator.py", "assert Bag() == Bag()");
    trees.write("tests/test_take.py", "take()");
    const auto of_method = trees.select({method("Bag.take")});
    const auto of_operator = trees.select({method("Bag.__eq__")});

    const std::string own = "__pycache__/a.cpython-311.pyc";
    CHECK(of_function.instances[0]["target"]["hidden_files"] ==
          Json({own, "pkg/f_test.py", "t.py", "tests/__pycache__/test_direct.cpython-311.pyc",
                "tests/data/cases.txt", "tests/test_direct.py", "u.py"}));
    CHECK(of_method.instances[0]["target"]["hidden_files"] ==
          Json({own, "t.py", "tests/test_bag.py", "tests/test_module.py", "u.py"}));
    CHECK(of_operator.instances[0]["target"]["hidden_files"] ==
          Json({own, "t.py", "tests/test_bag.py", "tests/test_operator.py", "u.py"}));
  }

  TEST_CASE("an instance that the shown pairs and no test decide is dropped") {
    const auto golden = [](const std::vector<int>& outcomes) {
      Json pairs = Json::array();
      for (const int each : outcomes)
        pairs.push_back({{"input", pairs.size()}, {"outcome", {{"returns", each}}}});
      return pairs;
    };
    CHECK(shown_pairs_suffice(golden({1})));
    CHECK(shown_pairs_suffice(golden({1, 2})));
    CHECK(shown_pairs_suffice(golden({1, 2, 2, 2})));
    CHECK(shown_pairs_suffice(golden({1, 2, 1})));
    CHECK_FALSE(shown_pairs_suffice(golden({1, 2, 1, 2})));
    CHECK_FALSE(shown_pairs_suffice(golden({1, 2, 2, 3})));
    auto untested = item("one", "f", tokens(1));
    untested.data["proof"]["fail_to_pass"] = Json::array();

    const auto set = Trees{}.select({untested});

    CHECK(set.instances.empty());
    REQUIRE(set.rejected.size() == 1);
    CHECK(set.rejected[0].reason == "the shown pairs say all");
  }

  TEST_CASE("git apply turns the blank file into the repository's by an instance's patch") {
    const Trees trees;
    const auto set = trees.select({item("one", "f", tokens(1))});
    const fs::path folder = trees.folder.path() / "work";
    fs::create_directories(folder);
    const auto applied = [&](const std::string& before, const std::string& patch) {
      std::ofstream{folder / "a.py"} << before;
      std::ofstream{folder / "patch"} << patch;
      const std::string command = "cd " + folder.string() + " && git apply patch 2>&1";
      return std::system(command.c_str()) == 0 ? read_file(folder / "a.py").value() : "refused";
    };

    CHECK(applied(with_body(Trees::source, item("one", "f", {}).data["target"], blank_body),
                  set.instances[0]["patch"]) == Trees::source);
    const std::string head = "a\nb\nc\nd\n", tail = "w\nx\ny\nz\n";
    for (const std::string& start : {std::string{}, std::string{"a\n"}, head})
      for (const std::string& end : {std::string{}, std::string{"z\n"}, std::string{"z"}, tail}) {
        const std::string before = start + "old\n" + end, after = start + "1\n\n3\n4\n" + end;
        CAPTURE(before);
        CHECK(applied(before, unified_diff("a.py", before, after)) == after);
        CHECK(applied(after, unified_diff("a.py", after, before)) == before);
      }
    CHECK(unified_diff("a.py", head, head).empty());
  }
}

}  // namespace flywheel
