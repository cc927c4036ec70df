// The changes that a LedgerStore makes, each a plain struct: what the Ledger actor collects into
// one synced write (LedgerStore::apply).
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "storage/records.hpp"

namespace flywheel {

// Rollouts come into being. Read: id (derive_id(run, index)), run, index, group_index,
// sample_index, task.
struct PlanRollouts {
  std::vector<Rollout> rollouts{};
};

struct StartRollouts {
  std::vector<RolloutId> ids{};
};

// Running rollouts are planned again: their sampler died before they finished.
struct RequeueRollouts {
  std::vector<RolloutId> ids{};
};

// The rollout's oldest_version becomes that of the transcript's spans that carry loss.
struct FinishRollout {
  RolloutId id{};
  Transcript transcript{};
};

// A verdict of infra_error is refused: the caller retries, then discards.
struct GradeRollout {
  RolloutId id{};
  Verdict verdict{};
};

// May be repeated for the same step: the lease grows.
struct LeaseRollouts {
  RunId run{};
  std::uint64_t step = 0;  // last committed step + 1
  std::vector<RolloutId> ids{};
};

struct ReleaseLease {
  RunId run{};
  std::uint64_t step = 0;
};

// Consumes what is leased for the step: `step.consumed` is empty, or exactly that in any order.
struct CommitStep {
  StepRecord step{};
};

struct DiscardRollouts {
  std::vector<RolloutId> ids{};
  std::string reason{};
};

using LedgerChange =
    std::variant<PlanRollouts, StartRollouts, RequeueRollouts, FinishRollout, GradeRollout,
                 LeaseRollouts, ReleaseLease, CommitStep, DiscardRollouts>;

}  // namespace flywheel
