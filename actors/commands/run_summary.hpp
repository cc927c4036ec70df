// RunSummary is what a finished run shows: before and after, transcripts side by side, gates. Read
// from the API, so it is the same in the process that ran it, in another, and in a report.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "actors/commands/gates.hpp"
#include "actors/commands/report.hpp"
#include "actors/commands/table.hpp"
#include "actors/commands/workspace_client.hpp"
#include "actors/config.hpp"
#include "runtime/statistics/estimates.hpp"

namespace flywheel {

struct RunSummary {
  Json run{};     // /v1/runs/RUN
  Json before{};  // the evaluations with conversations; null where there is none
  Json after{};
  Json metrics{};  // curves by name
  std::vector<BeforeAfter> figures{};
  std::optional<Estimate> gain{};             // of the held-out first turn, task by task
  std::vector<TranscriptPair> transcripts{};  // a few held-out conversations, changed ones first
  std::vector<GateResult> gates{};            // empty until both evaluations are there

  bool gates_passed() const;
};

Result<RunSummary> read_summary(WorkspaceClient& client, const std::string& run,
                                const ExperimentSpec& spec);

// "+89.2 points [86.0, 91.9]", with its 95 % interval.
std::string gain_text(const Estimate& gain);

// The table, the gain, three transcripts and the gates, for a terminal.
std::string summary_text(const RunSummary& summary);

}  // namespace flywheel
