#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "runtime/base/hash.hpp"
#include "runtime/base/random.hpp"
#include "runtime/synthesis/near_duplicates.hpp"
#include "runtime/synthesis/repo_functions.hpp"

namespace flywheel {
namespace {

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

// A unified diff from the stub to the body, as git apply reads it.
std::string patch_of(const Json& target) {
  const auto path = target.at("path").get<std::string>();
  const auto body = target.at("body").get<std::string>();
  const auto line = target.at("before_lines").get<std::uint64_t>() + 1;
  std::string added;
  std::uint64_t count = 0;
  for (std::size_t start = 0; start < body.size(); ++count) {
    const std::size_t end = std::min(body.find('\n', start), body.size());
    added += "+" + body.substr(start, end - start) + "\n";
    start = end + 1;
  }
  return fmt::format(
      "--- a/{0}\n+++ b/{0}\n@@ -{1},1 +{1},{2} @@\n-{3}raise NotImplementedError(\"write this "
      "function\")\n{4}",
      path, line, count, target.at("indent").get<std::string>(), added);
}

// Files that hold a test of the target: a solver does not see them.
Json hidden_files_of(const Json& proof) {
  std::vector<std::string> files;
  for (const char* list : {"fail_to_pass", "pass_to_pass"})
    for (const Json& name : proof.at(list)) {
      const auto text = name.get<std::string>();
      files.push_back(text.substr(0, text.find("::")));
    }
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  return files;
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

Json instance_of(const PipelineItem& item) {
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
  kept_target["hidden_files"] = hidden_files_of(proof);
  return {{"instance_id", instance_id_of(item)},
          {"repo", data.at("name")},
          {"base_commit", data.at("content")},
          {"environment_setup_commit", data.at("content")},
          {"version", data.at("version")},
          {"created_at", data.at("created_at")},
          {"problem_statement", problem_of(data)},
          {"hints_text", ""},
          {"patch", patch_of(target)},
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

}  // namespace

RepoFunctionSet select_instances(const std::vector<PipelineItem>& items,
                                 const RepoFunctionsConfig& config) {
  std::vector<TextSketch> sketches;
  for (const PipelineItem& item : items)
    sketches.push_back(
        sketch_of(item.data.at("target").at("tokens").get<std::vector<std::string>>()));
  const auto duplicates = earlier_duplicates(sketches);
  RepoFunctionSet set;
  std::map<std::string, std::size_t> counts;
  for (std::size_t n = 0; n < items.size(); ++n) {
    if (duplicates[n] >= 0) {
      set.rejected.push_back({items[n].id, "nearly the same as another",
                              items[static_cast<std::size_t>(duplicates[n])].id});
      continue;
    }
    set.instances.push_back(instance_of(items[n]));
    ++counts[items[n].data.at("name")];
  }
  std::sort(set.instances.begin(), set.instances.end(),
            [](const Json& a, const Json& b) { return a.at("instance_id") < b.at("instance_id"); });
  const auto splits = splits_of(counts, config);
  Hash128 all;
  for (Json& each : set.instances) {
    each["split"] = splits.at(each.at("repo"));
    const Hash128 hash = hash_text(dump_json(each));
    each["content_hash"] = to_string(hash);
    all = combine(all, hash);
  }
  set.content_hash = to_string(all);
  return set;
}

}  // namespace flywheel
