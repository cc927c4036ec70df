// LedgerState is the inside of a LedgerStore: it judges changes and stages them into one write.
//
//   stage(change, pending) ─▶ indices changed, bytes in the batch ─▶ write(pending) ─▶ durable
//
// Guarantees: a refused change leaves no trace; after a failed write the indices are read anew.
// Threads:    the caller holds `mutex`.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/base/clock.hpp"
#include "storage/ledger_change.hpp"
#include "storage/ledger_store.hpp"
#include "storage/run_index.hpp"

namespace flywheel {

// What has been judged good and is not written yet.
struct PendingChanges {
  WriteBatch batch{};
  std::set<RunId> touched{};  // their indices are ahead of the store until the batch is written
};

struct LedgerState {
  struct Run {
    RunRecord record{};
    std::optional<RunIndex> index{};  // empty: to be read from the store
  };
  // Where a rollout is.
  struct Place {
    RunId run{};
    RunIndex* index = nullptr;
    std::uint64_t number = 0;
  };

  LedgerState(KeyValueStore& store_in, const Clock& clock_in) : store(store_in), clock(clock_in) {}

  KeyValueStore& store;
  const Clock& clock;
  std::mutex mutex{};
  std::map<RunId, Run> runs{};
  std::map<AnyId, RunId> run_of_parent{};  // what the ids of a run's rollouts share -> the run

  std::uint64_t now_ms() const;
  void remember(const RunRecord& run);
  Result<Run*> known(RunId id);
  Result<RunIndex*> index_of(RunId id);
  Result<Place> place_of(const RolloutId& id);

  Result<> stage(const PlanRollouts& change, PendingChanges& pending);
  Result<> stage(const StartRollouts& change, PendingChanges& pending);
  Result<> stage(const RequeueRollouts& change, PendingChanges& pending);
  Result<> stage(const FinishRollout& change, PendingChanges& pending);
  Result<> stage(const GradeRollout& change, PendingChanges& pending);
  Result<> stage(const LeaseRollouts& change, PendingChanges& pending);
  Result<> stage(const ReleaseLease& change, PendingChanges& pending);
  Result<> stage(const CommitStep& change, PendingChanges& pending);
  Result<> stage(const DiscardRollouts& change, PendingChanges& pending);
  Result<StateCounts> stage_recovery(RunId run, PendingChanges& pending);
  Result<RollBackReport> stage_roll_back(RunId run, std::uint64_t to_step,
                                         std::uint64_t staleness_max, std::string_view why,
                                         PendingChanges& pending);

  Result<> write(const PendingChanges& pending);

  // Where the ids are, none named twice, all in one of the states that are allowed.
  Result<std::vector<Place>> places_of(const std::vector<RolloutId>& ids,
                                       std::initializer_list<RolloutState> allowed,
                                       std::string_view verb);
  void put(PendingChanges& pending, const Place& place, RolloutProgress progress);
  void move_to(PendingChanges& pending, const Place& place, RolloutState state,
               std::uint64_t step = 0);
  void discard(PendingChanges& pending, const Place& place, std::string_view reason);
  void add_event(PendingChanges& pending, RunId run, RunIndex& index, std::string kind,
                 Json details);
};

}  // namespace flywheel
