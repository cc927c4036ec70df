// Rollout is one attempt at a task: its place in the run, its conversation and what became of it.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/base/id.hpp"
#include "runtime/base/task.hpp"
#include "runtime/base/transcript.hpp"
#include "runtime/base/verdict.hpp"

namespace flywheel {

// planned → running → finished → graded → leased(step) → consumed(step), or discarded(reason).
// The numbers are on disk.
enum class RolloutState : std::uint8_t {
  planned = 0,
  running = 1,
  finished = 2,
  graded = 3,
  leased = 4,
  consumed = 5,
  discarded = 6,
};

const char* to_string(RolloutState state);

struct Rollout {
  RolloutId id{};  // derive_id(run, index): sorts by index
  RunId run{};
  std::uint64_t index = 0;         // group_index * group_size + sample_index
  std::uint64_t group_index = 0;   // position of the group's task in the run's task order
  std::uint32_t sample_index = 0;  // 0 to group_size - 1
  Task task{};
  RolloutState state = RolloutState::planned;
  std::uint64_t step = 0;  // the step that leased or consumed it; 0 = none, steps start at 1
  std::string discard_reason{};
  PolicyVersion oldest_version = 0;  // over the tokens that carry loss
  Transcript transcript{};
  Verdict verdict{};
};

}  // namespace flywheel
