#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "runtime/base/file.hpp"
#include "runtime/base/hash.hpp"
#include "runtime/base/random.hpp"
#include "runtime/synthesis/golden_outcome.hpp"
#include "runtime/synthesis/hidden_files.hpp"
#include "runtime/synthesis/near_duplicates.hpp"
#include "runtime/synthesis/repo_functions.hpp"
#include "runtime/synthesis/unified_diff.hpp"

namespace flywheel {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t shown_outcome_bytes_max = 400;

std::string difficulty_of(const Json& target) {
  const auto complexity = target.at("complexity").get<std::uint64_t>();
  const auto tokens = target.at("tokens").size();
  if (complexity <= 3 && tokens <= 80) return "easy";
  return complexity >= 9 || tokens >= 250 ? "hard" : "medium";
}

std::string instance_id_of(const PipelineItem& item) {
  const Json& target = item.data.at("target");
  std::string module = target.at("module").get<std::string>();
  return fmt::format("{}-{}__{}.{}", item.data.at("name").get<std::string>(),
                     item.data.at("version").get<std::string>(), module,
                     target.at("qualname").get<std::string>());
}

std::string problem_of(const Json& data) {
  const Json& target = data.at("target");
  const Json& example = data.at("proof").at("golden").front();
  std::string text =
      fmt::format("In {} {}, the function `{}` of `{}` has lost its body. Write it again.\n\n{}\n",
                  data.at("name").get<std::string>(), data.at("version").get<std::string>(),
                  target.at("qualname").get<std::string>(), target.at("path").get<std::string>(),
                  target.at("signature").get<std::string>());
  const auto doc = target.at("doc").get<std::string>();
  if (!doc.empty()) text += "\n" + doc + "\n";
  const std::string outcome = example.at(1).dump();
  if (outcome.size() <= shown_outcome_bytes_max)
    text += fmt::format("\nOne call, arguments and outcome as JSON: {} gives {}\n",
                        example.at(0).dump(), outcome);
  return text;
}

// The tree of one repository, as the instances of all its functions need it.
struct KnownTree {
  std::string path{};
  std::vector<TestFile> tests{};
};

// Tests of the target that the proof rests on, all that name it, and byte code: a solver does not
// see them.
Json hidden_files_of(const KnownTree& tree, const Json& target, const Json& proof) {
  std::vector<std::string> files = files_naming(tree.tests, target);
  for (const char* list : {"fail_to_pass", "pass_to_pass"})
    for (const Json& name : proof.at(list)) {
      const auto text = name.get<std::string>();
      files.push_back(text.substr(0, text.find("::")));
    }
  return masked_files(tree.path, {{"path", target.at("path")}, {"hidden_files", files}});
}

Json quality_of(const Json& data) {
  const Json& proof = data.at("proof");
  const Json& target = data.at("target");
  return {{"gold_passes", proof.at("gold_passes")},
          {"gold_runs", proof.at("gold_runs")},
          {"mutants", proof.at("mutants")},
          {"mutant_count", proof.at("mutant_count")},
          {"mutants_killed", proof.at("mutants_killed")},
          {"golden_pairs", proof.at("golden").size()},
          {"golden_pairs_drawn", proof.at("pairs_drawn")},
          {"inputs_traced", proof.at("inputs_traced")},
          {"inputs_unstable", proof.at("inputs_unstable")},
          {"covering_tests", target.at("covering_count")},
          {"complexity", target.at("complexity")},
          {"difficulty", difficulty_of(target)},
          {"cheats", data.at("cheats")},
          {"suite", data.at("suite")}};
}

Result<Json> instance_of(const PipelineItem& item, const KnownTree& tree) {
  const Json& data = item.data;
  const Json& target = data.at("target");
  const Json& proof = data.at("proof");
  Json golden = Json::array();
  for (const Json& pair : proof.at("golden"))
    golden.push_back({{"input", pair.at(0)}, {"outcome", pair.at(1)}});
  Json kept_target;
  for (const char* key :
       {"path", "module", "qualname", "line", "span", "signature", "doc", "indent", "before_lines"})
    kept_target[key] = target.at(key);
  kept_target["lang"] = "python";
  kept_target["hidden_files"] = hidden_files_of(tree, target, proof);
  const auto path = target.at("path").get<std::string>();
  FLYWHEEL_TRY(const auto file, read_file(fs::path{tree.path} / path));
  const auto blank = with_body(file, target, blank_body);
  return Json{{"instance_id", instance_id_of(item)},
              {"repo", data.at("name")},
              {"base_commit", data.at("content")},
              {"environment_setup_commit", data.at("content")},
              {"version", data.at("version")},
              {"created_at", data.at("created_at")},
              {"problem_statement", problem_of(data)},
              {"hints_text", ""},
              {"patch", unified_diff(path, blank, file)},
              {"test_patch", ""},
              {"FAIL_TO_PASS", proof.at("fail_to_pass")},
              {"PASS_TO_PASS", proof.at("pass_to_pass")},
              {"image_name", "host"},
              {"target", std::move(kept_target)},
              {"license", data.at("license")},
              {"golden_io", std::move(golden)},
              {"quality", quality_of(data)},
              {"leak_report", data.at("leak_report")}};
}

// Whole repositories go to the held-out side, in an order that the seed draws, until it is large
// enough; the largest repository and at least one stay for training.
std::map<std::string, std::string> splits_of(const std::map<std::string, std::size_t>& counts,
                                             const RepoFunctionsConfig& config) {
  std::vector<std::pair<std::uint64_t, std::string>> order;
  std::size_t total = 0, largest = 0;
  for (const auto& [name, count] : counts) {
    order.push_back({derive_key({config.seed, hash_text(name).low}).value, name});
    total += count;
    largest = std::max(largest, count);
  }
  std::sort(order.begin(), order.end());
  std::map<std::string, std::string> splits;
  std::size_t held_out = 0;
  bool is_largest_kept = false;
  for (const auto& [key, name] : order) {
    const std::size_t count = counts.at(name);
    const bool keep = !is_largest_kept && count == largest;
    is_largest_kept = is_largest_kept || keep;
    const bool enough =
        static_cast<double>(held_out) >= config.held_out_share * static_cast<double>(total);
    splits[name] = keep || enough ? "train" : "held_out";
    if (splits[name] == "held_out") held_out += count;
  }
  return splits;
}

void finish(RepoFunctionSet& set, const std::map<std::string, std::size_t>& counts,
            const RepoFunctionsConfig& config) {
  const auto splits = splits_of(counts, config);
  Hash128 all;
  for (Json& each : set.instances) {
    each["split"] = splits.at(each.at("repo"));
    const Hash128 hash = hash_text(dump_json(each));
    each["content_hash"] = to_string(hash);
    all = combine(all, hash);
  }
  set.content_hash = to_string(all);
}

}  // namespace

bool shown_pairs_suffice(const Json& golden) {
  const std::size_t shown = std::min(shown_pairs, golden.size());
  const auto all_come_to = [&](const Json& outcome) {
    return std::all_of(golden.begin() + static_cast<std::ptrdiff_t>(shown), golden.end(),
                       [&](const Json& pair) { return same_outcome(outcome, pair.at("outcome")); });
  };
  return std::any_of(golden.begin(), golden.begin() + static_cast<std::ptrdiff_t>(shown),
                     [&](const Json& pair) { return all_come_to(pair.at("outcome")); });
}

Result<RepoFunctionSet> select_instances(const std::vector<PipelineItem>& items,
                                         const std::filesystem::path& trees,
                                         const RepoFunctionsConfig& config) {
  std::vector<TextSketch> sketches;
  sketches.reserve(items.size());
  for (const PipelineItem& item : items)
    sketches.push_back(
        sketch_of(item.data.at("target").at("tokens").get<std::vector<std::string>>()));
  const auto duplicates = earlier_duplicates(sketches);
  RepoFunctionSet set;
  std::map<std::string, std::size_t> counts;
  std::map<std::string, KnownTree> known;
  for (std::size_t n = 0; n < items.size(); ++n) {
    if (duplicates[n] >= 0) {
      set.rejected.push_back({items[n].id, "nearly the same as another",
                              items[static_cast<std::size_t>(duplicates[n])].id});
      continue;
    }
    const auto content = items[n].data.at("content").get<std::string>();
    KnownTree& tree = known[content];
    if (tree.path.empty()) {
      tree.path = (trees / content).string();
      tree.tests = test_files_of(tree.path);
    }
    FLYWHEEL_TRY(Json instance, instance_of(items[n], tree));
    if (shown_pairs_suffice(instance.at("golden_io")) && instance.at("FAIL_TO_PASS").empty()) {
      set.rejected.push_back({items[n].id, "the shown pairs say all", ""});
      continue;
    }
    set.instances.push_back(std::move(instance));
    ++counts[items[n].data.at("name")];
  }
  std::sort(set.instances.begin(), set.instances.end(),
            [](const Json& a, const Json& b) { return a.at("instance_id") < b.at("instance_id"); });
  finish(set, counts, config);
  return set;
}

}  // namespace flywheel
