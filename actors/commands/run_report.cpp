#include "actors/commands/run_report.hpp"

#include <array>
#include <filesystem>

#include <fmt/format.h>

#include "actors/commands/doctor.hpp"
#include "actors/config.hpp"
#include "runtime/learning/algorithm.hpp"
#include "storage/workspace.hpp"

namespace flywheel {
namespace {

constexpr std::size_t transcripts_in_report = 12;

// Name of a curve in the store, title and unit in the report.
struct ChartRow {
  const char* metric;
  const char* title;
  const char* unit;
  bool is_share;
};
constexpr std::array chart_rows = {
    ChartRow{"evaluation/held_out_first_turn", "held-out pass rate, first turn", "", true},
    ChartRow{"train/reward", "mean reward", "", true},
    ChartRow{"train/first_turn_pass_rate", "training pass rate, first turn", "", true},
    ChartRow{"train/loss", "loss", "", false},
    ChartRow{"train/entropy", "entropy", "nats", false},
    ChartRow{"train/gradient_norm", "gradient norm before clipping", "", false},
    ChartRow{"train/mismatch_k3_mean", "sampler against learner: mean k3", "nats", false},
    ChartRow{"train/staleness_mean", "staleness", "versions", false},
    ChartRow{"time/step_seconds", "time of a step", "s", false},
    ChartRow{"time/tokens_sampled_per_second", "sampling rate", "tokens/s", false}};

std::vector<Chart> charts_of(const Json& metrics) {
  std::vector<Chart> charts;
  for (const ChartRow& row : chart_rows) {
    if (!metrics.contains(row.metric)) continue;
    Curve curve;
    for (const Json& point : metrics[row.metric])
      if (point[1].is_number())
        curve.points.push_back({point[0].get<double>(), point[1].get<double>()});
    Chart chart{.title = row.title, .unit = row.unit, .is_share = row.is_share};
    chart.curves.push_back(std::move(curve));
    charts.push_back(std::move(chart));
  }
  return charts;
}

std::vector<ComponentScore> components_of(const std::vector<BeforeAfter>& figures) {
  std::vector<ComponentScore> scores;
  for (const BeforeAfter& figure : figures) {
    for (const auto& [prefix, kind] :
         {std::pair{"component ", "pass condition"}, std::pair{"guard ", "guard"}})
      if (figure.name.starts_with(prefix))
        scores.push_back({figure.name.substr(std::string_view{prefix}.size()), kind, figure.before,
                          figure.after});
  }
  return scores;
}

Facts machine_of() {
  const auto facts = machine_facts(".");
  return {
      {"CPU", facts.cpu},
      {"cores", std::to_string(facts.cores)},
      {"fast bfloat16", facts.has_fast_bfloat16 ? "yes" : "no"},
      {"memory available", fmt::format("{:.1f} GiB", facts.memory_available_bytes / (1ULL << 30))}};
}

std::vector<Incident> incidents_of(const Json& run) {
  std::vector<Incident> incidents;
  const auto created = run["created_ms"].get<double>();
  for (const Json& event : run["events"]) {
    if (event["kind"] == "status") continue;
    incidents.push_back({(event["at_ms"].get<double>() - created) / 1000.0, "run", event["kind"],
                         dump_json(event["details"])});
  }
  return incidents;
}

}  // namespace

Result<std::string> write_run_report(const std::string& home, const RunSummary& summary,
                                     const std::string& checkpoint) {
  const Json& run = summary.run;
  FLYWHEEL_TRY(const auto id, parse_id<RunId>(run["id"].get<std::string>()));
  FLYWHEEL_TRY(const auto spec,
               parse_experiment_spec(run["spec"], "the stored spec", algorithm_table()));
  ReportData data;
  data.title = spec.name;
  data.run = to_string(id);
  data.goal = spec.goal;
  data.scenario = spec.scenario;
  const bool is_measured = summary.before.is_object() && summary.after.is_object();
  data.succeeded = is_measured && summary.gates_passed();
  data.outcome = !is_measured            ? "not finished: " + run["status"].get<std::string>()
                 : summary.gates.empty() ? "finished; its spec sets no gates"
                 : data.succeeded        ? "passes all gates"
                                         : "is refused by a gate";
  data.summary = {{"steps", std::to_string(run["last_step"].get<std::uint64_t>())},
                  {"seed", std::to_string(run["seed"].get<std::uint64_t>())},
                  {"deterministic", run["is_deterministic"].get<bool>() ? "yes" : "no"},
                  {"commit", FLYWHEEL_COMMIT},
                  {"checkpoint", checkpoint}};
  if (summary.gain)
    data.summary.emplace_back("gain of the held-out first turn", gain_text(*summary.gain));
  data.gates = summary.gates;
  data.before_after = summary.figures;
  data.charts = charts_of(summary.metrics);
  data.components = components_of(summary.figures);
  data.transcripts = summary.transcripts;
  if (data.transcripts.size() > transcripts_in_report)
    data.transcripts.resize(transcripts_in_report);
  data.algorithm = explain(spec.trainer.algorithm);
  data.resolved_spec = run["spec"];
  data.hashes = {{"base weights", run["base_weights"]}};
  if (run.contains("weights_hash"))
    data.hashes.emplace_back("trained weights", run["weights_hash"]);
  for (const Json& dataset : run["datasets"])
    data.hashes.emplace_back(
        dataset["name"].get<std::string>() + " " + dataset["split"].get<std::string>(),
        dataset["content_hash"]);
  data.machine = machine_of();
  data.incidents = incidents_of(run);
  data.incident_count = data.incidents.size();
  if (!checkpoint.empty())
    data.next_command =
        "flywheel try " + checkpoint + " \"List exactly three fruits, nothing else.\"";
  return write_report(data, (std::filesystem::path{home} / "runs" / to_string(id)).string());
}

}  // namespace flywheel
