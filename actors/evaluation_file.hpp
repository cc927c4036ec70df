// EvaluationFile is one evaluation of a run as people and reports read it: which weights, every
// conversation's words and its verdict. One JSON file under runs/RUN/evaluations/.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "actors/messages/messages.hpp"
#include "runtime/base/json.hpp"

namespace flywheel {

struct EvaluationFile {
  std::string name{};
  PolicyVersion version = 0;
  std::uint32_t broken_count = 0;  // conversations that an infrastructure error ended
  double seconds = 0.0;
  std::vector<Rollout> rollouts{};  // words and verdicts; without tokens
};

// A conversation's words and verdict as JSON, and back; tokens are only counted.
Json rollout_to_json(const Rollout& rollout);
Result<Rollout> rollout_from_json(const Json& json, const std::string& where);

// Atomic and durable: a temporary file, fsync, rename.
Result<> write_evaluation(const std::filesystem::path& folder, const EvaluationFile& evaluation);
Result<EvaluationFile> read_evaluation(const std::filesystem::path& folder,
                                       const std::string& name);
bool has_evaluation_file(const std::filesystem::path& folder, const std::string& name);

// Removes the evaluations of versions after `version`: their weights were rolled back.
Result<> drop_evaluations_after(const std::filesystem::path& folder, PolicyVersion version);

// Names of the evaluations in the folder, oldest first by version.
std::vector<std::string> evaluation_names(const std::filesystem::path& folder);

}  // namespace flywheel
