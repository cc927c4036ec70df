#include "actors/commands/repo_functions_report.hpp"

#include <filesystem>
#include <map>

#include <fmt/format.h>

namespace flywheel {
namespace {

std::string share_text(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? "-" : fmt::format("{:.1f} %", 100.0 * double(part) / double(whole));
}

struct RepositoryRow {
  std::string license{};
  Json suite{};
  std::uint64_t instances = 0;
  std::uint64_t mutants = 0;
  std::uint64_t killed = 0;
  std::string split{};
};

Table repository_table(const RepoFunctionSet& set) {
  std::map<std::string, RepositoryRow> rows;
  for (const Json& each : set.instances) {
    RepositoryRow& row =
        rows[each.at("repo").get<std::string>() + " " + each.at("version").get<std::string>()];
    row.license = each.at("license");
    row.split = each.at("split");
    row.suite = each.at("quality").at("suite");
    ++row.instances;
    row.mutants += each.at("quality").at("mutant_count").get<std::uint64_t>();
    row.killed += each.at("quality").at("mutants_killed").get<std::uint64_t>();
  }
  Table table{{{"repository"},
               {"licence"},
               {"split"},
               {"instances", true},
               {"stable tests", true},
               {"flaky", true},
               {"failing", true},
               {"skipped", true},
               {"mutants killed", true}},
              {}};
  for (const auto& [name, row] : rows)
    table.rows.push_back({name, row.license, row.split, std::to_string(row.instances),
                          row.suite.at("stable").dump(), row.suite.at("flaky").dump(),
                          row.suite.at("failing").dump(), row.suite.at("skipped").dump(),
                          share_text(row.killed, row.mutants)});
  return table;
}

Table mutant_table(const RepoFunctionSet& set) {
  struct Counts {
    std::uint64_t made = 0, golden = 0, tests = 0;
  };
  std::map<std::string, Counts> kinds;
  for (const Json& each : set.instances)
    for (const auto& [kind, row] : each.at("quality").at("mutants").items()) {
      Counts& counts = kinds[kind];
      counts.made += row.at("made").get<std::uint64_t>();
      counts.golden += row.at("golden").get<std::uint64_t>();
      counts.tests += row.at("tests").get<std::uint64_t>();
    }
  Table table{{{"mutation"},
               {"made", true},
               {"noticed by golden pairs", true},
               {"noticed by tests where no traced pair did", true}},
              {}};
  Counts all;
  const auto add = [&](const std::string& kind, const Counts& counts) {
    table.rows.push_back({kind, std::to_string(counts.made), share_text(counts.golden, counts.made),
                          share_text(counts.tests, counts.made)});
  };
  for (const auto& [kind, counts] : kinds) {
    add(kind, counts);
    all.made += counts.made;
    all.golden += counts.golden;
    all.tests += counts.tests;
  }
  add("all", all);
  return table;
}

Table cheat_table(const PipelineResult& result, const RepoFunctionSet& set) {
  struct Counts {
    std::uint64_t tried = 0, failed = 0, timed_out = 0, passed = 0;
  };
  std::map<std::string, Counts> cheats;
  for (const Json& each : set.instances)
    for (const auto& [name, status] : each.at("quality").at("cheats").items()) {
      Counts& counts = cheats[name];
      ++counts.tried;
      counts.failed += status == "fail" ? 1 : 0;
      counts.timed_out += status == "timeout" ? 1 : 0;
      counts.passed += status == "pass" ? 1 : 0;
    }
  std::map<std::string, std::uint64_t> fooled;
  for (const Rejection& each : result.rejections)
    if (each.reason == "a cheat passes") ++fooled[each.detail];
  Table table{{{"cheat"},
               {"instances", true},
               {"fails", true},
               {"runs out of time", true},
               {"passes", true},
               {"candidates rejected for it", true}},
              {}};
  for (const auto& [name, counts] : cheats)
    table.rows.push_back({name, std::to_string(counts.tried), std::to_string(counts.failed),
                          std::to_string(counts.timed_out), std::to_string(counts.passed),
                          std::to_string(fooled[name])});
  return table;
}

Table count_table(const RepoFunctionSet& set, const std::string& title,
                  const std::function<std::string(const Json&)>& key_of) {
  std::map<std::string, std::uint64_t> counts;
  for (const Json& each : set.instances) ++counts[key_of(each)];
  Table table{{{title}, {"instances", true}}, {}};
  for (const auto& [key, count] : counts) table.rows.push_back({key, std::to_string(count)});
  return table;
}

FunnelRow selection_row(const PipelineResult& result, const RepoFunctionSet& set) {
  FunnelRow row{"select", "functions"};
  row.taken = result.items.size();
  row.passed = set.instances.size();
  row.rejected = set.rejected.size();
  for (const Rejection& each : set.rejected) ++row.reasons[each.reason];
  return row;
}

}  // namespace

PipelineReport repo_functions_report(const RepoFunctionsRun& run) {
  std::uint64_t pairs = 0, mutants = 0, killed = 0, cheats_passed = 0, cheats_tried = 0;
  for (const Json& each : run.set.instances) {
    const Json& quality = each.at("quality");
    pairs += quality.at("golden_pairs").get<std::uint64_t>();
    mutants += quality.at("mutant_count").get<std::uint64_t>();
    killed += quality.at("mutants_killed").get<std::uint64_t>();
    for (const auto& [name, status] : quality.at("cheats").items()) {
      ++cheats_tried;
      cheats_passed += status == "pass" ? 1 : 0;
    }
  }
  std::string sources;
  for (const std::string& each : run.sources)
    sources += (sources.empty() ? "" : ", ") + std::filesystem::path{each}.filename().string();
  PipelineReport report;
  report.title = "Functions out of repositories";
  report.question =
      "Which functions of these repositories make tasks whose answers can be checked, and how well "
      "can they be checked?";
  report.succeeded = !run.set.instances.empty() && !run.result.is_interrupted;
  report.outcome = fmt::format(
      "{} instances; the unchanged code passes every one, {} of {} cheats pass, {} of the mutants "
      "are noticed{}",
      run.set.instances.size(), cheats_passed, cheats_tried, share_text(killed, mutants),
      run.result.is_interrupted ? "; interrupted, not complete" : "");
  report.facts = {{"sources", sources},
                  {"content hash", run.set.content_hash},
                  {"golden pairs", std::to_string(pairs)},
                  {"duration of this call", duration_text(run.seconds)},
                  {"commit", run.commit}};
  report.funnel = run.result.funnel;
  report.funnel.push_back(selection_row(run.result, run.set));
  report.tables = {
      {"Repositories", repository_table(run.set)},
      {"Mutants", mutant_table(run.set)},
      {"Cheats", cheat_table(run.result, run.set)},
      {"Difficulty",
       count_table(run.set, "difficulty",
                   [](const Json& each) { return each.at("quality").at("difficulty"); })},
      {"Split", count_table(run.set, "split", [](const Json& each) { return each.at("split"); })}};
  return report;
}

}  // namespace flywheel
