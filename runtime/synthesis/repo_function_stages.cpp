#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "runtime/base/file.hpp"
#include "runtime/synthesis/cheat_battery.hpp"
#include "runtime/synthesis/code_judge.hpp"
#include "runtime/synthesis/hidden_files.hpp"
#include "runtime/synthesis/python_files.hpp"
#include "runtime/synthesis/repo_functions.hpp"

namespace flywheel {
namespace {

namespace fs = std::filesystem;
using Outcomes = std::vector<StageOutcome>;

constexpr double stable_share_min = 0.9;
constexpr std::uint32_t suite_runs = 3;
constexpr std::chrono::minutes suite_time_max{15};
constexpr std::chrono::minutes survey_time_max{25};
constexpr std::chrono::minutes leaks_time_max{10};
constexpr std::chrono::minutes validate_time_max{20};
constexpr std::uint32_t suite_seconds_max = 800;
constexpr std::uint32_t chosen_tests_seconds_max = 30;
constexpr std::chrono::seconds judge_time_max{20};

StageOutcome rejected(const PipelineItem& item, const Error& error) {
  const std::size_t colon = error.message.find(": ");
  return {{},
          {{item.id, error.message.substr(0, colon),
            colon == std::string::npos ? "" : error.message.substr(colon + 2)}}};
}

// What the scripts refuse rejects the item; anything else is the stage's own failure.
template <class Work>
Result<Outcomes> each_alone(std::span<const PipelineItem> items, const Work& work) {
  Outcomes outcomes;
  for (const PipelineItem& item : items) {
    auto outcome = work(item);
    if (outcome)
      outcomes.push_back(std::move(*outcome));
    else if (outcome.error().failure == Failure::invalid_input)
      outcomes.push_back(rejected(item, outcome.error()));
    else
      return fail(outcome.error());
  }
  return outcomes;
}

Result<RepositoryTrees::Tree> tree_of(RepositoryTrees& trees, const PipelineItem& item) {
  return trees.ensure(item.data.at("source"), item.data.at("content"));
}

Result<StageOutcome> admit(RepositoryTrees& trees, const PipelineItem& item) {
  FLYWHEEL_TRY(const auto tree, tree_of(trees, item));
  PipelineItem admitted = item;
  for (const char* key : {"name", "version", "license", "created_at", "source_bytes"})
    admitted.data[key] = tree.facts.at(key);
  return StageOutcome{{std::move(admitted)}, {}};
}

struct Stability {
  Json tests = Json::object();  // that passed every time: name to longest duration
  std::uint64_t flaky = 0;
  std::uint64_t failing = 0;
  std::uint64_t skipped = 0;
};

Stability stability_of(const std::vector<Json>& runs) {
  Stability found;
  for (const auto& [name, first] : runs.front().items()) {
    std::set<std::string> letters;
    double seconds = 0.0;
    for (const Json& run : runs) {
      const Json missing = Json::array({"n", 0.0});
      const Json& result = run.contains(name) ? run.at(name) : missing;
      letters.insert(result.at(0).get<std::string>());
      seconds = std::max(seconds, result.at(1).get<double>());
    }
    if (letters.size() > 1)
      ++found.flaky;
    else if (letters.contains("p"))
      found.tests[name] = seconds;
    else
      ++(letters.contains("s") ? found.skipped : found.failing);
  }
  return found;
}

// One run of the whole suite; the last of the three says which tests can be relied on.
Result<StageOutcome> run_suite(const ScriptRunner& runner, RepositoryTrees& trees,
                               const PipelineItem& item) {
  FLYWHEEL_TRY(const auto tree, tree_of(trees, item));
  auto runs = item.data.value("runs", std::vector<Json>{});
  ScriptCall call{"baseline.py", {{"seconds", suite_seconds_max}}, tree.path};
  call.time_max = suite_time_max;
  call.hash_seed = static_cast<std::uint32_t>(runs.size());
  FLYWHEEL_TRY(const Json answer, runner.run(call));
  runs.push_back(answer.at("tests"));
  PipelineItem run = item;
  if (runs.size() < suite_runs) {
    run.data["runs"] = runs;
    return StageOutcome{{std::move(run)}, {}};
  }
  run.data.erase("runs");
  Stability found = stability_of(runs);
  run.data["suite"] = {{"stable", found.tests.size()},
                       {"flaky", found.flaky},
                       {"failing", found.failing},
                       {"skipped", found.skipped}};
  const auto counted = static_cast<double>(found.tests.size() + found.flaky + found.failing);
  if (counted == 0 || static_cast<double>(found.tests.size()) < stable_share_min * counted)
    return StageOutcome{{},
                        {{item.id, "tests are not green three times", run.data["suite"].dump()}}};
  run.data["tests"] = std::move(found.tests);
  return StageOutcome{{std::move(run)}, {}};
}

// Of more candidates than the bound those whose hashes come first: a spread over the whole package.
void keep_spread(Json& candidates, std::size_t count_max, const PipelineItem& item,
                 StageOutcome& outcome) {
  auto& list = candidates.get_ref<Json::array_t&>();
  std::sort(list.begin(), list.end(),
            [](const Json& a, const Json& b) { return a.at("normal_hash") < b.at("normal_hash"); });
  for (std::size_t n = count_max; n < list.size(); ++n)
    outcome.rejected.push_back(
        {fmt::format("{}/{}:{}", item.id, list[n].at("path").get<std::string>(),
                     list[n].at("qualname").get<std::string>()),
         "over the repository's share", ""});
  if (list.size() > count_max) list.resize(count_max);
}

Result<StageOutcome> survey(const ScriptRunner& runner, RepositoryTrees& trees,
                            const RepoFunctionsConfig& config, const PipelineItem& item) {
  FLYWHEEL_TRY(const auto tree, tree_of(trees, item));
  ScriptCall call{"survey.py", {{"tests", item.data.at("tests")}}, tree.path};
  call.time_max = survey_time_max;
  FLYWHEEL_TRY(Json answer, runner.run(call));
  StageOutcome outcome;
  for (const Json& each : answer.at("rejected"))
    outcome.rejected.push_back({fmt::format("{}/{}", item.id, each.at(0).get<std::string>()),
                                each.at(1).get<std::string>(), ""});
  keep_spread(answer.at("candidates"), config.candidates_max, item, outcome);
  Json repository = item.data;
  repository.erase("tests");
  for (Json& candidate : answer.at("candidates")) {
    const auto id = fmt::format("{}/{}:{}", item.id, candidate.at("path").get<std::string>(),
                                candidate.at("qualname").get<std::string>());
    Json data = repository;
    data["target"] = std::move(candidate);
    outcome.passed.push_back({id, item.id, std::move(data)});
  }
  return outcome;
}

Result<Outcomes> leaks(const ScriptRunner& runner, RepositoryTrees& trees,
                       std::span<const PipelineItem> items) {
  FLYWHEEL_TRY(const auto tree, tree_of(trees, items.front()));
  Json targets = Json::array();
  for (const PipelineItem& item : items) {
    Json target;
    for (const char* key : {"path", "qualname", "line", "tokens", "body", "normal_hash"})
      target[key] = item.data.at("target").at(key);
    targets.push_back(std::move(target));
  }
  ScriptCall call{"leaks.py", {{"targets", std::move(targets)}, {"top", "/"}}, tree.path};
  call.time_max = leaks_time_max;
  FLYWHEEL_TRY(const Json answer, runner.run(call));
  Outcomes outcomes;
  for (std::size_t n = 0; n < items.size(); ++n) {
    Json report = answer.at("reports").at(n);
    const bool has_leak = report.at("leaks").get<bool>();
    if (has_leak) {
      outcomes.push_back({{}, {{items[n].id, "a copy of the body is elsewhere", report.dump()}}});
      continue;
    }
    PipelineItem clean = items[n];
    clean.data["leak_report"] = std::move(report);
    outcomes.push_back({{std::move(clean)}, {}});
  }
  return outcomes;
}

Result<Outcomes> validate_batch(const ScriptRunner& runner, RepositoryTrees& trees,
                                const RepoFunctionsConfig& config,
                                std::span<const PipelineItem> items) {
  FLYWHEEL_TRY(const auto tree, tree_of(trees, items.front()));
  Json candidates = Json::array(), seeds = Json::array();
  for (const PipelineItem& item : items) candidates.push_back(item.data.at("target"));
  for (std::uint32_t seed = 0; seed < config.gold_runs; ++seed) seeds.push_back(seed);
  ScriptCall call{"validate.py",
                  {{"candidates", std::move(candidates)},
                   {"seeds", std::move(seeds)},
                   {"test_seconds", chosen_tests_seconds_max}},
                  tree.path};
  call.time_max = validate_time_max;
  FLYWHEEL_TRY(const Json answer, runner.run(call));
  Outcomes outcomes;
  for (std::size_t n = 0; n < items.size(); ++n) {
    const Json& result = answer.at("results").at(n);
    if (result.contains("rejected")) {
      Json detail = result;
      detail.erase("rejected");
      outcomes.push_back({{}, {{items[n].id, result.at("rejected"), detail.dump()}}});
      continue;
    }
    PipelineItem proven = items[n];
    proven.data["proof"] = result;
    proven.data["target"].erase("inputs");
    outcomes.push_back({{std::move(proven)}, {}});
  }
  return outcomes;
}

// A candidate that breaks its whole batch is found by trying each alone, and rejected.
Result<Outcomes> validate(const ScriptRunner& runner, RepositoryTrees& trees,
                          const RepoFunctionsConfig& config, std::span<const PipelineItem> items) {
  auto together = validate_batch(runner, trees, config, items);
  if (together || together.error().failure == Failure::unavailable) return together;
  if (items.size() == 1)
    return Outcomes{{{}, {{items[0].id, "can't be examined", together.error().message}}}};
  Outcomes outcomes;
  for (const PipelineItem& item : items) {
    FLYWHEEL_TRY(auto alone, validate(runner, trees, config, std::span{&item, 1}));
    outcomes.push_back(std::move(alone.front()));
  }
  return outcomes;
}

CodeJudgement judgement_of(const ScriptRunner& runner, const RepositoryTrees::Tree& tree,
                           const Json& data) {
  CodeJudgement judgement = judgement_of_target(data.at("target"), tree.path);
  judgement.site = runner.site().string();
  for (const Json& pair : data.at("proof").at("golden"))
    judgement.golden.push_back({pair.at(0), pair.at(1)});
  for (const char* list : {"fail_to_pass", "pass_to_pass"})
    for (const Json& name : data.at("proof").at(list)) judgement.tests.push_back(name);
  return judgement;
}

Result<CodeVerdict> judge_body(SandboxHost& host, CodeJudgement& judgement, const Json& target,
                               const std::string& file, const std::string& body) {
  judgement.solution = {{target.at("path"), with_body(file, target, body)}};
  FLYWHEEL_TRY(auto verdict, judge_code(host, judgement));
  if (verdict.status == VerdictStatus::infra_error)
    return fail(Failure::unavailable, "judge: " + verdict.reason);
  return verdict;
}

Result<StageOutcome> judge(const ScriptRunner& runner, RepositoryTrees& trees,
                           const PipelineItem& item) {
  FLYWHEEL_TRY(const auto tree, tree_of(trees, item));
  const Json& target = item.data.at("target");
  FLYWHEEL_TRY(const auto file,
               read_file(fs::path{tree.path} / target.at("path").get<std::string>()));
  CodeJudgement judgement = judgement_of(runner, tree, item.data);
  const auto refuse = [&](const std::string& reason, const std::string& detail) {
    return StageOutcome{{}, {{item.id, reason, detail}}};
  };
  judgement.solution = {{target.at("path"), file}};
  FLYWHEEL_TRY(const auto gold, judge_code(runner.host(), judgement));
  if (gold.status == VerdictStatus::infra_error)
    return fail(Failure::unavailable, "judge: " + gold.reason);
  if (gold.status != VerdictStatus::pass)
    return refuse("the judge does not pass the unchanged code", gold.reason);
  FLYWHEEL_TRY(const auto blank, judge_body(runner.host(), judgement, target, file, blank_body));
  if (blank.status == VerdictStatus::pass) return refuse("the judge passes the blank", "");
  Json verdicts = Json::object();
  const CheatTarget known{target.at("qualname"), target.at("first_parameter"),
                          judgement.golden.front().input, judgement.golden.front().outcome};
  for (const Cheat& cheat : cheat_battery(known)) {
    FLYWHEEL_TRY(const auto verdict,
                 judge_body(runner.host(), judgement, target, file, cheat.body));
    if (verdict.status == VerdictStatus::pass)
      return refuse("a cheat passes", std::string{cheat.name});
    verdicts[std::string{cheat.name}] = to_string(verdict.status);
  }
  PipelineItem judged = item;
  judged.data["cheats"] = std::move(verdicts);
  return StageOutcome{{std::move(judged)}, {}};
}

}  // namespace

CodeJudgement judgement_of_target(const Json& target, const std::string& tree) {
  CodeJudgement judgement;
  judgement.module = target.at("module");
  judgement.entry = target.at("qualname");
  judgement.tree = tree;
  judgement.masked = byte_code_of(tree, target.at("path"));
  judgement.time_max = judge_time_max;
  judgement.limits.memory_bytes = 1ULL << 30;
  return judgement;
}

Result<PipelineItem> repository_item(const fs::path& source) {
  FLYWHEEL_TRY(const auto hash, hash_of_source(source));
  std::string name = source.filename().string();
  for (const char* ending : {".gz", ".bz2", ".xz", ".tar", ".tgz", ".zip", ".whl"})
    if (name.ends_with(ending)) name.resize(name.size() - std::string_view{ending}.size());
  return PipelineItem{
      name, name, {{"source", fs::absolute(source).string()}, {"content", to_string(hash)}}};
}

std::vector<Stage> repo_function_stages(const ScriptRunner& runner, RepositoryTrees& trees,
                                        const RepoFunctionsConfig& config) {
  using Items = std::span<const PipelineItem>;
  // What the outcomes of a stage that runs these scripts depend on.
  const auto settings = [&](std::initializer_list<std::string_view> scripts,
                            std::uint32_t option = 0) {
    return fmt::format("{} {} {}", stamp_of_scripts(scripts), runner.site_stamp(), option);
  };
  const auto run_suite_stage = [&](const char* name) {
    return Stage{name,
                 1,
                 "repositories",
                 1,
                 [&](Items items) {
                   return each_alone(items, [&](const PipelineItem& item) {
                     return run_suite(runner, trees, item);
                   });
                 },
                 settings({"baseline.py"})};
  };
  return {
      {"admit", 1, "repositories", 1,
       [&trees](Items items) {
         return each_alone(items, [&](const PipelineItem& item) { return admit(trees, item); });
       },
       stamp_of_scripts({"admit.py"})},
      run_suite_stage("tests, first run"),
      run_suite_stage("tests, second run"),
      run_suite_stage("tests, third run"),
      {"survey", 1, "repositories", 1,
       [&runner, &trees, config](Items items) {
         return each_alone(
             items, [&](const PipelineItem& item) { return survey(runner, trees, config, item); });
       },
       settings({"survey.py"}, config.candidates_max)},
      {"leaks", 1, "functions", 4096, [&](Items items) { return leaks(runner, trees, items); },
       settings({"leaks.py"})},
      {"validate", 1, "functions", 16,
       [&runner, &trees, config](Items items) { return validate(runner, trees, config, items); },
       settings({"validate.py"}, config.gold_runs)},
      {"judge", 2, "functions", 1,
       [&](Items items) {
         return each_alone(items,
                           [&](const PipelineItem& item) { return judge(runner, trees, item); });
       },
       settings({"judge.py", "judge_tests.py"})},
  };
}

}  // namespace flywheel
