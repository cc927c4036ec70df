// LedgerStore is the truth about a run: which rollouts there are, how far each has come, and which
// step consumed it.
//
//   planned ─start▶ running ─finish▶ finished ─grade▶ graded ─lease▶ leased ─commit_step▶ consumed
//      ◀──requeue────┘                                  ◀──release──┘
//   consumed and what waits ─roll_back▶ graded, discarded or planned
//   planned, running, finished, graded ─discard(reason)▶ discarded
//
// Guarantees: every change is one atomic synced write, or is refused (invalid_argument, not_found)
//             and leaves everything as it was; indices are planned without gaps; leases are only
//             for the step after the last committed one; a step consumes exactly what it has
//             leased; what was answered is there after kill -9.
// Threads:    any number; writers take turns, and apply() makes one fsync of many changes.
#pragma once

#include <array>
#include <memory>
#include <span>

#include "runtime/base/clock.hpp"
#include "storage/key_value_store.hpp"
#include "storage/ledger_change.hpp"
#include "storage/records.hpp"

namespace flywheel {

using StateCounts = std::array<std::uint64_t, 7>;  // by RolloutState

struct GroupState {
  std::uint64_t group_index = 0;
  StateCounts counts{};
  std::vector<RolloutId> graded{};  // in index order
  bool is_complete = false;         // all planned, at least one graded, the others discarded
};

struct RollBackReport {
  std::uint64_t lost_step_count = 0;
  std::vector<RolloutId> returned{};   // graded again
  std::vector<RolloutId> requeued{};   // planned again: were running, or see roll_back()
  std::vector<RolloutId> discarded{};  // rolled_back: beyond the bound, or sampled by lost weights
};

struct LedgerState;

class LedgerStore {
 public:
  // Reads the run records; a run's rollouts are read when they are first asked for. The store and
  // the clock must outlive the ledger.
  static Result<std::unique_ptr<LedgerStore>> open(KeyValueStore& store, const Clock& clock);
  ~LedgerStore();

  // --- changes; each of the short forms is one synced write -------------------------------------
  // Judges the changes in order, each against the outcome of those before it, and writes all that
  // stand in one synced batch. One answer a change; when the write fails, each gets its error.
  std::vector<Result<>> apply(const std::vector<LedgerChange>& changes);

  Result<> create_run(const RunRecord& run);  // already_exists
  Result<> set_run_status(RunId run, RunStatus status);
  Result<> plan(std::vector<Rollout> rollouts) { return one(PlanRollouts{std::move(rollouts)}); }
  Result<> start(std::vector<RolloutId> ids) { return one(StartRollouts{std::move(ids)}); }
  Result<> requeue(std::vector<RolloutId> ids) { return one(RequeueRollouts{std::move(ids)}); }
  Result<> finish(const Rollout& rollout) {
    return one(FinishRollout{rollout.id, rollout.transcript});
  }
  Result<> grade(RolloutId id, Verdict verdict) {
    return one(GradeRollout{id, std::move(verdict)});
  }
  Result<> lease(RunId run, std::uint64_t step, std::vector<RolloutId> ids) {
    return one(LeaseRollouts{run, step, std::move(ids)});
  }
  Result<> release(RunId run, std::uint64_t step) { return one(ReleaseLease{run, step}); }
  Result<> commit_step(StepRecord step) { return one(CommitStep{std::move(step)}); }
  Result<> discard(std::vector<RolloutId> ids, std::string reason) {
    return one(DiscardRollouts{std::move(ids), std::move(reason)});
  }

  // After a crash: running rollouts become planned, leased ones graded; recorded as an event where
  // there were any. Returns the counts by the state they were in.
  Result<StateCounts> recover(RunId run);

  // Forgets the steps after `to_step`. With v the policy version after `to_step`: their rollouts,
  // and the ones that wait, return to (or stay) graded where v - staleness_max <= every version of
  // their tokens <= v, else they are discarded(rolled_back): newer versions name weights that are
  // gone. In a deterministic run, whose steps learn the groups of their numbers, those are planned
  // again instead.
  Result<RollBackReport> roll_back(RunId run, std::uint64_t to_step, std::uint64_t staleness_max,
                                   std::string_view why);

  // --- questions --------------------------------------------------------------------------------
  std::vector<RunRecord> runs() const;  // in time order
  Result<RunRecord> run(RunId run) const;
  Result<Rollout> rollout(RolloutId id) const;  // whole, transcript and verdict included
  Result<std::vector<Rollout>> rollouts(std::span<const RolloutId> ids) const;
  // In index order, from `first_index` on, at most `limit`.
  Result<std::vector<RolloutId>> in_state(RunId run, RolloutState state,
                                          std::size_t limit = SIZE_MAX,
                                          std::uint64_t first_index = 0) const;
  Result<StateCounts> counts(RunId run) const;
  Result<std::uint64_t> planned_count(RunId run) const;  // the next index to plan
  Result<GroupState> group(RunId run, std::uint64_t group_index) const;
  Result<std::vector<std::uint64_t>> complete_groups(RunId run, std::size_t limit = SIZE_MAX) const;
  Result<std::uint64_t> last_step(RunId run) const;  // 0 = none
  Result<StepRecord> step(RunId run, std::uint64_t step) const;
  Result<std::vector<StepRecord>> steps(RunId run, std::uint64_t first_step = 1) const;
  Result<std::vector<Rollout>> consumed_by(RunId run, std::uint64_t step) const;  // in id order
  Result<std::vector<RunEvent>> events(RunId run) const;

 private:
  explicit LedgerStore(std::unique_ptr<LedgerState> state);
  Result<> one(LedgerChange change);

  std::unique_ptr<LedgerState> state_;
};

}  // namespace flywheel
