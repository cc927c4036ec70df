// What a run of the pipeline "repo functions" came to, for people: yields, mutants, cheats.
#pragma once

#include <string>
#include <vector>

#include "actors/commands/pipeline_view.hpp"
#include "runtime/synthesis/repo_functions.hpp"

namespace flywheel {

struct RepoFunctionsRun {
  const PipelineResult& result;
  const RepoFunctionSet& set;
  std::vector<std::string> sources{};
  double seconds = 0.0;  // of this call
  std::string commit{};
};

PipelineReport repo_functions_report(const RepoFunctionsRun& run);

}  // namespace flywheel
