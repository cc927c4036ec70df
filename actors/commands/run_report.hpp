// The report of a run, from its summary.
#pragma once

#include <string>

#include "actors/commands/run_summary.hpp"

namespace flywheel {

// Writes report.html and curves.svg into the run's folder; returns the page's path.
Result<std::string> write_run_report(const std::string& home, const RunSummary& summary,
                                     const std::string& checkpoint);

}  // namespace flywheel
