// What is made of finished items: bodies put back, near duplicates out, whole repositories held
// out.
#include "runtime/synthesis/repo_functions.hpp"

#include <set>

#include <doctest/doctest.h>

namespace flywheel {
namespace {

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
  }

  TEST_CASE("no repository is on both sides, the largest trains, and enough is held out") {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
      CAPTURE(seed);
      RepoFunctionsConfig config;
      config.seed = seed;
      const auto set = select_instances(three_repositories(), config);
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

    const auto set = select_instances(items, {});

    CHECK(set.instances.size() == 20);
    REQUIRE(set.rejected.size() == 1);
    CHECK(set.rejected[0].id == "small/copy");
    CHECK(set.rejected[0].detail == "large/f0");
  }

  TEST_CASE("an instance has the common keys, hides its tests and hashes its content") {
    const auto set = select_instances({item("one", "f", tokens(1))}, {});

    REQUIRE(set.instances.size() == 1);
    const Json& instance = set.instances[0];
    for (const char* key :
         {"instance_id", "repo", "base_commit", "environment_setup_commit", "version", "created_at",
          "problem_statement", "hints_text", "patch", "test_patch", "FAIL_TO_PASS", "PASS_TO_PASS",
          "image_name", "target", "license", "golden_io", "quality", "leak_report", "content_hash"})
      CHECK_MESSAGE(instance.contains(key), key);
    CHECK(instance.at("instance_id") == "one-1.0__a.f");
    CHECK(instance.at("target").at("hidden_files") == Json({"t.py", "u.py"}));
    CHECK(instance.at("patch").get<std::string>() ==
          "--- a/a.py\n+++ b/a.py\n@@ -2,1 +2,2 @@\n-    raise NotImplementedError(\"write this "
          "function\")\n+    x = 1\n+    return x\n");
    auto other = item("one", "f", tokens(1));
    other.data["license"] = "ISC";
    CHECK(select_instances({other}, {}).content_hash != set.content_hash);
    CHECK(select_instances({item("one", "f", tokens(1))}, {}).content_hash == set.content_hash);
  }
}

}  // namespace flywheel
