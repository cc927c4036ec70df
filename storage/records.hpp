// The records that storage keeps, as structs; record_format has their bytes, FORMAT.md their keys.
// Times are milliseconds since 1970. Enumerators' numbers are on disk: append, never reuse.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/base/hash.hpp"
#include "runtime/base/id.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/rollout.hpp"

namespace flywheel {

enum class RunStatus : std::uint8_t { running = 0, finished = 1, interrupted = 2, failed = 3 };
const char* to_string(RunStatus status);

struct RunRecord {
  RunId id{};
  std::string name{};       // of the experiment
  std::string spec_text{};  // the resolved spec, YAML
  std::uint64_t seed = 0;
  std::uint64_t created_ms = 0;
  RunStatus status = RunStatus::running;
  bool is_deterministic = false;
  std::uint32_t group_size = 1;  // rollouts of one task; a rollout's index = group * size + sample
  Hash128 base_weights{};        // content hash of what the run started from: policy version 0
  std::vector<DatasetVersionId> datasets{};  // what it trains and evaluates on
};

// A committed optimiser step: what recovery replays.
struct StepRecord {
  RunId run{};
  std::uint64_t step = 0;  // 1 for the first
  std::uint64_t committed_ms = 0;
  PolicyVersion policy_version = 0;                     // of the weights after the step
  Hash128 weights_hash{};                               // of the weights after the step
  Hash128 learner_state_hash{};                         // Trainer::state_hash() after the step
  std::string random_state{};                           // bytes that belong to the run's conductor
  std::map<std::string, std::uint64_t> data_cursors{};  // task source -> position
  std::map<std::uint64_t, std::uint64_t> staleness{};   // versions behind -> rollouts
  std::vector<RolloutId> consumed{};                    // in id order
  std::map<std::string, double> metrics{};
};

// Something that happened to a run and that its report tells: a roll-back, a recovery.
struct RunEvent {
  RunId run{};
  std::uint64_t at_ms = 0;
  std::string kind{};  // "rolled_back", "recovered", "status"
  Json details = Json::object();
};

struct DatasetVersion {
  DatasetVersionId id{};
  std::string name{};
  std::string split{};
  Hash128 content_hash{};  // of the tasks in order, their ids left out
  std::uint64_t task_count = 0;
  std::uint64_t created_ms = 0;
  std::string source{};  // how it was made: generator and its parameters, or the imported file
  std::vector<DatasetVersionId> parents{};
};

struct Conversation {
  ConversationId id{};
  std::string title{};
  std::uint64_t created_ms = 0;
  CheckpointId checkpoint{};  // who answers; nil where it is none of this workspace
  std::string model{};        // who answers, in words: "base", or a folder
  Transcript transcript{};    // turns are stored one by one; listings leave them out
};

// right and left are the sides as shown.
enum class VoteChoice : std::uint8_t {
  left = 0,
  right = 1,
  tie = 2,
  both_bad = 3,
  up = 4,
  down = 5
};
const char* to_string(VoteChoice choice);

struct VoteCandidate {
  CheckpointId checkpoint{};      // nil as in Conversation
  ConversationId conversation{};  // where the answer stands
  std::int32_t turn = Turn::no_parent;
};

struct Vote {
  VoteId id{};
  std::uint64_t created_ms = 0;
  std::string rater{};
  RecordOrigin origin = RecordOrigin::human;  // simulated votes are never mixed with human ones
  VoteChoice choice = VoteChoice::tie;
  std::vector<VoteCandidate> candidates{};  // one for a thumb; left, right for a pair
  std::string note{};
};

struct FileRecord {
  std::string path{};  // relative to its folder
  std::uint64_t size_bytes = 0;
  Hash128 hash{};
};

struct CheckpointRecord {
  CheckpointId id{};
  RunId run{};
  std::uint64_t step = 0;
  PolicyVersion policy_version = 0;
  std::uint64_t created_ms = 0;
  std::string folder{};    // relative to the workspace
  Hash128 content_hash{};  // of the weights: Publisher's and Sampler's
  std::map<std::string, Hash128> tensor_hashes{};
  std::vector<FileRecord> files{};  // of the folder
  CheckpointId parent{};            // nil = the base model
};

// The learner's whole state on disk: where recovery starts.
struct SnapshotRecord {
  RunId run{};
  std::uint64_t step = 0;
  std::uint64_t created_ms = 0;
  FileRecord file{};     // path relative to the workspace
  Hash128 state_hash{};  // Trainer::state_hash()
};

}  // namespace flywheel
