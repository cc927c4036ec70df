#include "actors/commands/run_summary.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "actors/commands/conversation_view.hpp"
#include "actors/evaluation_figures.hpp"

namespace flywheel {
namespace {

constexpr std::size_t transcripts_shown = 3;

std::vector<BeforeAfter> compare(const Json& before, const Json& after) {
  const Json& all = after.is_object() ? after : before;
  std::vector<std::string> names;
  if (all.is_object())
    for (const auto& [name, figure] : all["figures"].items()) names.push_back(name);
  std::stable_sort(names.begin(), names.end(), [](const auto& a, const auto& b) {
    const auto rank = [](const std::string& name) {
      if (name.starts_with("held_out_first")) return 0;
      if (name.starts_with("held_out")) return 1;
      return name.starts_with("hand_written") ? 2 : 3;
    };
    return rank(a) < rank(b);
  });
  std::vector<BeforeAfter> rows;
  rows.reserve(names.size());
  for (const auto& name : names)
    rows.push_back({title_of(name), measured_from(before, name), measured_from(after, name)});
  return rows;
}

bool passed(const Json& conversation) {
  return conversation["verdict"]["status"] == "pass";
}

std::vector<TranscriptPair> pair_transcripts(const Json& before, const Json& after) {
  std::vector<TranscriptPair> pairs;
  if (!before.is_object() || !after.is_object()) return pairs;
  // By index: either evaluation may lack conversations that broke.
  std::map<std::uint64_t, const Json*> new_ones;
  for (const Json& each : after["conversations"])
    new_ones[each["index"].get<std::uint64_t>()] = &each;
  for (const Json& old_one : before["conversations"]) {
    const auto found = new_ones.find(old_one["index"].get<std::uint64_t>());
    if (found == new_ones.end() || old_one["sample_index"] != 0) continue;
    const Json& new_one = *found->second;
    pairs.push_back({fmt::format("{} task {}", old_one["task"]["split"].get<std::string>(),
                                 old_one["group_index"].get<std::uint64_t>()),
                     messages_of(old_one), messages_of(new_one), passed(old_one), passed(new_one)});
  }
  std::stable_sort(pairs.begin(), pairs.end(), [](const auto& a, const auto& b) {
    return (a.before_passed != a.after_passed) > (b.before_passed != b.after_passed);
  });
  return pairs;
}

// An evaluation's conversations, from what the API says of it.
Result<EvaluationFile> evaluation_file_of(const Json& evaluation) {
  EvaluationFile file;
  file.rollouts.reserve(evaluation["conversations"].size());
  for (const Json& conversation : evaluation["conversations"]) {
    FLYWHEEL_TRY(auto rollout, rollout_from_json(conversation, "an evaluation"));
    file.rollouts.push_back(std::move(rollout));
  }
  return file;
}

Result<std::optional<Estimate>> gain_between(const Json& before, const Json& after) {
  if (!before.is_object() || !after.is_object()) return std::optional<Estimate>{};
  FLYWHEEL_TRY(const auto old_one, evaluation_file_of(before));
  FLYWHEEL_TRY(const auto new_one, evaluation_file_of(after));
  return held_out_gain(old_one, new_one);
}

Result<Json> evaluation_named(WorkspaceClient& client, const std::string& run, const Json& names,
                              const std::string& name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) return Json{};
  FLYWHEEL_TRY(const Json found, client.get("/v1/runs/" + run + "/evaluations/" + name));
  return found["evaluations"][0];
}

}  // namespace

bool RunSummary::gates_passed() const {
  return std::all_of(gates.begin(), gates.end(), [](const auto& gate) { return gate.passed; });
}

Result<RunSummary> read_summary(WorkspaceClient& client, const std::string& run,
                                const ExperimentSpec& spec) {
  RunSummary summary;
  FLYWHEEL_TRY(summary.run, client.get("/v1/runs/" + run));
  const Json& names = summary.run["evaluations"];
  FLYWHEEL_TRY(summary.before, evaluation_named(client, run, names, "before"));
  FLYWHEEL_TRY(summary.after, evaluation_named(client, run, names, "after"));
  FLYWHEEL_TRY(const Json curves, client.get("/v1/runs/" + run + "/metrics"));
  summary.metrics = curves["metrics"];
  summary.figures = compare(summary.before, summary.after);
  FLYWHEEL_TRY(summary.gain, gain_between(summary.before, summary.after));
  summary.transcripts = pair_transcripts(summary.before, summary.after);
  summary.gates = judge_gates(spec.gates, summary.before, summary.after);
  return summary;
}

std::string gain_text(const Estimate& gain) {
  return fmt::format("{:+.1f} points [{:.1f}, {:.1f}]", 100 * gain.value, 100 * gain.interval.low,
                     100 * gain.interval.high);
}

std::string summary_text(const RunSummary& summary) {
  std::string text;
  if (!summary.figures.empty()) text += before_after_text(summary.figures) + "\n";
  if (summary.gain)
    text += fmt::format("held-out first turn, task by task: {}\n\n", gain_text(*summary.gain));
  const std::size_t columns = terminal_columns();
  for (std::size_t i = 0; i < std::min(transcripts_shown, summary.transcripts.size()); ++i)
    text += side_by_side_text(summary.transcripts[i], columns) + "\n";
  for (const GateResult& gate : summary.gates)
    text += fmt::format("gate: {}: {} ({})\n", gate.gate, gate.passed ? "passed" : "REFUSED",
                        gate.found);
  return text;
}

}  // namespace flywheel
