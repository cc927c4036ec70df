#include "actors/ledger.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <utility>

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include "runtime/base/log.hpp"
#include "runtime/system/caf_failure.hpp"

namespace flywheel {
namespace {

using StoredPromise = caf::typed_response_promise<Stored>;
using LeasePromise = caf::typed_response_promise<BatchLeased>;

struct State {
  static inline const char* name = "ledger";

  LedgerStore* store = nullptr;
  std::vector<LedgerChange> changes;                        // not yet written
  std::vector<StoredPromise> promises;                      // of `changes`, in order
  std::deque<std::pair<LeaseBatch, LeasePromise>> waiting;  // unanswered leases, oldest first
  std::map<RunId, std::uint64_t> oldest_open;               // groups before it are gone

  void write_changes();
  void answer_waiting();
  Result<std::optional<BatchLeased>> try_lease(const LeaseBatch& request);
  Result<std::vector<std::uint64_t>> groups_for(const LeaseBatch& request);
};

// One synced write for all that has arrived.
void State::write_changes() {
  auto written = store->apply(std::exchange(changes, {}));
  auto answers = std::exchange(promises, {});
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (written[i])
      answers[i].deliver(Stored{});
    else
      answers[i].deliver(to_caf(written[i].error()));
  }
}

void State::answer_waiting() {
  while (!waiting.empty()) {
    auto& [request, promise] = waiting.front();
    auto leased = try_lease(request);
    if (leased && !*leased) return;
    if (leased)
      promise.deliver(std::move(**leased));
    else
      promise.deliver(to_caf(leased.error()));
    waiting.pop_front();
  }
}

enum class GroupStage { open, complete, gone };  // gone: consumed or discarded, every rollout

GroupStage stage_of(const GroupState& group) {
  const auto count = [&](RolloutState state) {
    return group.counts[static_cast<std::size_t>(state)];
  };
  std::uint64_t total = 0;
  for (const auto rollouts : group.counts) total += rollouts;
  if (count(RolloutState::consumed) + count(RolloutState::discarded) == total)
    return GroupStage::gone;
  return group.is_complete ? GroupStage::complete : GroupStage::open;
}

// The groups that the batch takes: always the oldest ones, and it waits for the slowest of them.
// Taking the first that are ready instead would let slow ones grow older than the staleness bound,
// and favour short answers. Fewer than asked for while the batch can't be filled.
Result<std::vector<std::uint64_t>> State::groups_for(const LeaseBatch& request) {
  std::vector<std::uint64_t> groups;
  std::uint64_t& oldest = oldest_open[request.run];
  std::uint64_t index = request.in_order ? (request.step - 1) * request.group_count : oldest;
  const std::uint64_t end = request.in_order ? index + request.group_count : UINT64_MAX;
  for (; index < end && groups.size() < request.group_count; ++index) {
    auto group = store->group(request.run, index);
    if (!group && group.error().failure == Failure::not_found) return groups;  // not planned yet
    if (!group) return fail(group.error());
    const auto stage = stage_of(*group);
    if (stage == GroupStage::open) return groups;
    if (stage == GroupStage::complete || request.in_order) groups.push_back(index);
    if (stage == GroupStage::gone && groups.empty()) oldest = std::max(oldest, index + 1);
  }
  return groups;
}

// Nothing while the batch can't be filled.
Result<std::optional<BatchLeased>> State::try_lease(const LeaseBatch& request) {
  FLYWHEEL_TRY(const auto groups, groups_for(request));
  if (groups.size() < request.group_count) return std::optional<BatchLeased>{};
  BatchLeased leased{.step = request.step};
  for (const auto index : groups) {
    FLYWHEEL_TRY(const auto group, store->group(request.run, index));
    FLYWHEEL_TRY(const auto rollouts, store->rollouts(group.graded));
    const bool is_stale =
        std::any_of(rollouts.begin(), rollouts.end(), [&](const Rollout& rollout) {
          return rollout.oldest_version + request.staleness_max < request.version;
        });
    if (is_stale) ++leased.discarded_group_count;
    auto& ids = is_stale ? leased.discarded : leased.ids;
    ids.insert(ids.end(), group.graded.begin(), group.graded.end());
  }
  if (!leased.discarded.empty()) {
    log_warning("step {}: {} rollouts are older than {} versions and are discarded", request.step,
                leased.discarded.size(), request.staleness_max);
    FLYWHEEL_TRY_VOID(store->discard(leased.discarded, discarded_as_stale));
    leased.ids.clear();
    return std::optional{std::move(leased)};
  }
  if (!leased.ids.empty()) FLYWHEEL_TRY_VOID(store->lease(request.run, request.step, leased.ids));
  return std::optional{std::move(leased)};
}

template <class Self>
auto change_handler(Self self) {
  return [self](LedgerChange change) -> caf::result<Stored> {
    auto promise = self->template make_response_promise<Stored>();
    if (self->state.changes.empty()) self->send(self, NextTurn{});
    self->state.changes.push_back(std::move(change));
    self->state.promises.push_back(promise);
    return promise;
  };
}

Ledger::behavior_type behavior(Ledger::stateful_pointer<State> self, LedgerStore* store) {
  keep_words(self);
  self->state.store = store;
  const auto change = change_handler(self);
  return {
      [change](PlanRollouts& x) { return change(std::move(x)); },
      [change](StartRollouts& x) { return change(std::move(x)); },
      [change](FinishRollout& x) { return change(std::move(x)); },
      [change](GradeRollout& x) { return change(std::move(x)); },
      [change](DiscardRollouts& x) { return change(std::move(x)); },
      [change](CommitStep& x) { return change(std::move(x)); },
      [self](const LeaseBatch& request) -> caf::result<BatchLeased> {
        auto promise = self->make_response_promise<BatchLeased>();
        self->state.waiting.emplace_back(request, promise);
        self->state.answer_waiting();
        return promise;
      },
      [self](const ReadRollouts& request) -> caf::result<RolloutBatch> {
        auto rollouts = self->state.store->rollouts(request.ids);
        if (!rollouts) return to_caf(rollouts.error());
        return RolloutBatch{std::move(*rollouts)};
      },
      [self](NextTurn) {
        self->state.write_changes();
        self->state.answer_waiting();
      },
  };
}

}  // namespace

Ledger spawn_ledger(caf::actor_system& system, LedgerStore& store, Placement placement) {
  return spawn_placed(system, placement, behavior, &store);
}

}  // namespace flywheel
