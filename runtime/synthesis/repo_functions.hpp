// The pipeline "repo functions": out of Python repositories come tasks "write this function again".
//
//   archives ─▶ admit ─▶ tests ─▶ survey ─▶ leaks ─▶ validate ─▶ judge ─▶ select ─▶ instances
//              licence,  green  functions  copies  golden pairs, gold,   near duplicates,
//              unpack   3 times and inputs elsewhere mutants     cheats  split by repository
//
// Guarantees: of every instance the unchanged code passed 10 of 10 runs under different hash seeds
//             and the judge; the blank failed; at least 80 % of its mutants are noticed by golden
//             pairs or tests; no cheat of the battery passed. Nothing but the target's own file
//             and byte code held half of the body's 12-grams or a function of the same form, and
//             tests that name the function or that the proof rests on are hidden.
//             One journal and the same options give the same instances, byte for byte. Worked out
//             anew they may differ where a bound on time decides: a slow machine finds fewer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/synthesis/code_judge.hpp"
#include "runtime/synthesis/pipeline.hpp"
#include "runtime/synthesis/python_text.hpp"
#include "runtime/synthesis/repository_tree.hpp"
#include "runtime/synthesis/script_runner.hpp"

namespace flywheel {

struct RepoFunctionsConfig {
  std::uint32_t candidates_max = 240;  // of one repository that are examined
  std::uint32_t gold_runs = 10;        // hash seeds under which the unchanged code must pass
  double held_out_share = 0.2;         // of the instances, at least, where there are repositories
  std::uint64_t seed = 1;              // of the split
};

// The stages, as far as they go item by item. `runner` and `trees` must outlive them.
std::vector<Stage> repo_function_stages(const ScriptRunner& runner, RepositoryTrees& trees,
                                        const RepoFunctionsConfig& config);

// An item of the first stage: an archive or a folder. not_found where there is none.
Result<PipelineItem> repository_item(const std::filesystem::path& source);

struct RepoFunctionSet {
  std::vector<Json> instances{};      // by instance_id
  std::vector<Rejection> rejected{};  // near duplicates
  std::string content_hash{};         // of all instances
};

// Drops near duplicates, splits by repository and writes every instance's final form. Reads the
// repositories' files under `trees`; not_found where a tree is gone.
Result<RepoFunctionSet> select_instances(const std::vector<PipelineItem>& items,
                                         const std::filesystem::path& trees,
                                         const RepoFunctionsConfig& config);

// Golden pairs that a solver is shown: the first in the request, the second when it asks.
inline constexpr std::size_t shown_pairs = 2;

// Whether a look-up of the shown pairs that answers anything else with one of their outcomes is
// right on all of an instance's `golden_io`.
bool shown_pairs_suffice(const Json& golden);

// What a solver's repository says in place of the body.
inline constexpr const char* blank_body = "raise NotImplementedError(\"write this function\")\n";

// How bodies of a target are judged, by the pipeline and in rollouts: in their module, within the
// same bounds, with its byte code masked. What they are judged by is for the caller to add.
CodeJudgement judgement_of_target(const Json& target, const std::string& tree);

}  // namespace flywheel
