// The bytes of every record: encode() makes them, decode() reads what this and every older version
// wrote. FORMAT.md describes them field by field.
//
// Guarantees: decode(encode(x)) is x, bit by bit in tokens and log-probabilities; a newer record is
//             too_new, any other bytes are corrupt, each with one line that names the record.
#pragma once

#include <string>
#include <string_view>

#include "storage/keys.hpp"
#include "storage/records.hpp"

namespace flywheel {

// A rollout is stored in up to four records: what was planned, how far it has come, and, once they
// are there, its transcript and its verdict.
struct RolloutPlan {
  RunId run{};
  std::uint64_t index = 0;
  std::uint64_t group_index = 0;
  std::uint32_t sample_index = 0;
  Task task{};
};

struct RolloutProgress {
  RolloutState state = RolloutState::planned;
  std::uint64_t step = 0;
  PolicyVersion oldest_version = 0;
  PolicyVersion newest_version = 0;
  std::string discard_reason{};
};

std::string encode(const RunRecord& run);
std::string encode(const RolloutPlan& plan);
std::string encode(const RolloutProgress& progress);
std::string encode(const Transcript& transcript);
std::string encode(const Verdict& verdict);
std::string encode(const StepRecord& step);
std::string encode(const RunEvent& event);
std::string encode(const DatasetVersion& dataset);
std::string encode(const Task& task);
std::string encode(const Conversation& conversation);  // without its turns
std::string encode(const Turn& turn);
std::string encode(const Vote& vote);
std::string encode(const CheckpointRecord& checkpoint);
std::string encode(const SnapshotRecord& snapshot);
std::string encode_metric(double value);

// Defined for each type that encode() takes; the key names the record in errors.
template <class Record>
Result<Record> decode(std::string_view key, std::string_view value);

Result<double> decode_metric(std::string_view key, std::string_view value);

// Whether the bytes under the key decode, whatever their kind: for fsck.
Result<> check_record(std::string_view key, std::string_view value);

}  // namespace flywheel
