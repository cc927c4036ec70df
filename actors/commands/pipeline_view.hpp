// How a pipeline of synthetic data shows itself: a live line while it goes on, a table at its end,
// and a report of one HTML file that needs nothing else, with the same as JSON.
//
// Guarantees: what repositories or people wrote is shown as text, never run.
// Threads:    one at a time.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/commands/progress.hpp"
#include "actors/commands/table.hpp"
#include "runtime/base/json.hpp"
#include "runtime/synthesis/pipeline.hpp"

namespace flywheel {

struct PipelineReport {
  std::string title{};
  std::string question{};
  std::string outcome{};  // one sentence
  bool succeeded = false;
  std::vector<std::pair<std::string, std::string>> facts{};
  std::vector<FunnelRow> funnel{};
  std::vector<std::pair<std::string, Table>> tables{};  // title, rows
};

OrderedJson pipeline_report_json(const PipelineReport& report);
std::string pipeline_report_html(const PipelineReport& report);

Table funnel_table(const std::vector<FunnelRow>& funnel);
Table reason_table(const std::vector<FunnelRow>& funnel);

// "judge 120/188 functions   validate 240/240 ..." at most `columns` wide.
std::string pipeline_line(const PipelineProgress& progress, std::size_t columns);
OrderedJson pipeline_progress_json(const PipelineProgress& progress);

// Redraws one line on a terminal; on a pipe a line every few seconds, with JSON an object.
class PipelineDisplay {
 public:
  using Sink = std::function<void(std::string_view)>;
  PipelineDisplay(ProgressMode mode, Sink sink) : mode_(mode), sink_(std::move(sink)) {}

  void update(const PipelineProgress& progress);
  void finish();

 private:
  ProgressMode mode_;
  Sink sink_;
  double shown_seconds_ = -1e9;
  bool is_drawn_ = false;
};

}  // namespace flywheel
