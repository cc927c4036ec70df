// Report is what a researcher reads of a run: one HTML file that needs nothing else, and the
// learning curves as an SVG file beside it.
//
// Guarantees: nothing is loaded from anywhere; what models and users wrote is shown as text, never
//             run (it is escaped, and the page forbids all but its own script).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "actors/commands/gates.hpp"
#include "actors/commands/report_chart.hpp"
#include "actors/commands/table.hpp"
#include "runtime/base/result.hpp"

namespace flywheel {

using Facts = std::vector<std::pair<std::string, std::string>>;  // name, value

// How one component of the grade moved.
struct ComponentScore {
  std::string name{};
  std::string kind{};  // "pass condition", "guard" or "information"
  Measured before{};
  Measured after{};
};

// A wait that ran out, a restart, a quarantined item, a discarded rollout.
struct Incident {
  double at_seconds = 0.0;  // since the run began
  std::string who{};
  std::string what{};
  std::string outcome{};
};

struct ReportData {
  std::string title{};  // the experiment's name
  std::string run{};    // its id
  std::string goal{};
  std::string scenario{};
  std::string outcome{};  // one sentence: "passes all gates", "stopped at step 7 by Ctrl-C", ...
  bool succeeded = false;
  Facts summary{};  // steps, seed, commit, duration, tokens, ...
  std::vector<GateResult> gates{};
  std::vector<BeforeAfter> before_after{};
  std::vector<Chart> charts{};
  std::vector<ComponentScore> components{};
  std::vector<TranscriptPair> transcripts{};
  std::string algorithm{};      // the formula, as `explain` prints it
  std::string resolved_spec{};  // YAML
  Facts hashes{};               // of data sets and weights
  Facts machine{};
  std::vector<Incident> incidents{};
  std::uint64_t incident_count = 0;  // of the whole run, where only the first are listed
  std::string next_command{};
};

std::string report_html(const ReportData& data);

// Writes report.html and curves.svg into the folder, each atomically; returns the page's path.
Result<std::string> write_report(const ReportData& data, const std::string& folder);

}  // namespace flywheel
