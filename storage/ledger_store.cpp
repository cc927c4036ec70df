#include "storage/ledger_store.hpp"

#include <algorithm>

#include "storage/keys.hpp"
#include "storage/ledger_state.hpp"
#include "storage/lineage.hpp"
#include "storage/record_format.hpp"
#include "storage/stored_records.hpp"

namespace flywheel {
namespace {

// The record under the key where there is one, else the default.
template <class Record>
Result<Record> read_if_stored(const KeyValueReader& store, const std::string& key) {
  auto record = read_record<Record>(store, key);
  if (!record && record.error().failure == Failure::not_found) return Record{};
  return record;
}

Result<Rollout> read_rollout(const KeyValueReader& store, const RolloutId& id) {
  FLYWHEEL_TRY(RolloutPlan plan,
               read_record<RolloutPlan>(store, id_key(RecordKind::rollout_plan, id)));
  FLYWHEEL_TRY(RolloutProgress progress,
               read_record<RolloutProgress>(store, id_key(RecordKind::rollout_progress, id)));
  Rollout rollout;
  rollout.id = id;
  rollout.run = plan.run;
  rollout.index = plan.index;
  rollout.group_index = plan.group_index;
  rollout.sample_index = plan.sample_index;
  rollout.task = std::move(plan.task);
  rollout.state = progress.state;
  rollout.step = progress.step;
  rollout.discard_reason = std::move(progress.discard_reason);
  rollout.oldest_version = progress.oldest_version;
  FLYWHEEL_TRY(rollout.transcript,
               read_if_stored<Transcript>(store, id_key(RecordKind::transcript, id)));
  FLYWHEEL_TRY(rollout.verdict, read_if_stored<Verdict>(store, id_key(RecordKind::verdict, id)));
  return rollout;
}

Result<std::vector<Rollout>> read_rollouts(const KeyValueReader& store,
                                           std::span<const RolloutId> ids) {
  std::vector<Rollout> rollouts;
  rollouts.reserve(ids.size());
  for (const RolloutId& id : ids) {
    FLYWHEEL_TRY(Rollout rollout, read_rollout(store, id));
    rollouts.push_back(std::move(rollout));
  }
  return rollouts;
}

}  // namespace

const char* to_string(RunStatus status) {
  switch (status) {
    case RunStatus::running:
      return "running";
    case RunStatus::finished:
      return "finished";
    case RunStatus::interrupted:
      return "interrupted";
    case RunStatus::failed:
      return "failed";
  }
  return "unknown";
}

LedgerStore::LedgerStore(std::unique_ptr<LedgerState> state) : state_(std::move(state)) {}
LedgerStore::~LedgerStore() = default;

Result<std::unique_ptr<LedgerStore>> LedgerStore::open(KeyValueStore& store, const Clock& clock) {
  auto state = std::make_unique<LedgerState>(store, clock);
  FLYWHEEL_TRY(const auto runs, read_records<RunRecord>(store, kind_key(RecordKind::run)));
  for (const RunRecord& run : runs) state->remember(run);
  return std::unique_ptr<LedgerStore>{new LedgerStore{std::move(state)}};
}

std::vector<Result<>> LedgerStore::apply(const std::vector<LedgerChange>& changes) {
  const std::lock_guard lock{state_->mutex};
  PendingChanges pending;
  std::vector<Result<>> answers;
  answers.reserve(changes.size());
  for (const LedgerChange& change : changes)
    answers.push_back(
        std::visit([&](const auto& each) { return state_->stage(each, pending); }, change));
  const auto written = state_->write(pending);
  if (!written)
    for (auto& answer : answers)
      if (answer) answer = fail(written.error());
  return answers;
}

Result<> LedgerStore::one(LedgerChange change) {
  std::vector<LedgerChange> changes;
  changes.push_back(std::move(change));
  return std::move(apply(changes).front());
}

Result<> LedgerStore::create_run(const RunRecord& run) {
  const std::lock_guard lock{state_->mutex};
  if (run.id.is_nil() || run.group_size == 0)
    return fail(Failure::invalid_argument, "a run needs an id and a group size of at least 1");
  if (state_->runs.contains(run.id))
    return fail(Failure::already_exists, to_string(run.id) + " is in this workspace already");
  WriteBatch batch;
  batch.put(id_key(RecordKind::run, run.id), encode(run));
  for (const DatasetVersionId& dataset : run.datasets) {
    const auto key = id_key(RecordKind::dataset_version, dataset);
    FLYWHEEL_TRY_VOID(read_record<DatasetVersion>(state_->store, key));
    put_edge(batch, {run.id, Relation::trained_on, dataset});
  }
  FLYWHEEL_TRY_VOID(state_->store.write(batch, Durability::synced));
  state_->remember(run);
  return {};
}

Result<> LedgerStore::set_run_status(RunId run, RunStatus status) {
  const std::lock_guard lock{state_->mutex};
  FLYWHEEL_TRY(LedgerState::Run* const known, state_->known(run));
  RunRecord record = known->record;
  record.status = status;
  WriteBatch batch;
  batch.put(id_key(RecordKind::run, run), encode(record));
  FLYWHEEL_TRY_VOID(state_->store.write(batch, Durability::synced));
  known->record = std::move(record);
  return {};
}

Result<StateCounts> LedgerStore::recover(RunId run) {
  const std::lock_guard lock{state_->mutex};
  PendingChanges pending;
  FLYWHEEL_TRY(const StateCounts counts, state_->stage_recovery(run, pending));
  FLYWHEEL_TRY_VOID(state_->write(pending));
  return counts;
}

Result<RollBackReport> LedgerStore::roll_back(RunId run, std::uint64_t to_step,
                                              std::uint64_t staleness_max, std::string_view why) {
  const std::lock_guard lock{state_->mutex};
  PendingChanges pending;
  FLYWHEEL_TRY(RollBackReport report,
               state_->stage_roll_back(run, to_step, staleness_max, why, pending));
  FLYWHEEL_TRY_VOID(state_->write(pending));
  return report;
}

std::vector<RunRecord> LedgerStore::runs() const {
  const std::lock_guard lock{state_->mutex};
  std::vector<RunRecord> records;
  for (const auto& [id, run] : state_->runs) records.push_back(run.record);
  return records;
}

Result<RunRecord> LedgerStore::run(RunId run) const {
  const std::lock_guard lock{state_->mutex};
  FLYWHEEL_TRY(const LedgerState::Run* const known, state_->known(run));
  return known->record;
}

Result<Rollout> LedgerStore::rollout(RolloutId id) const {
  return read_rollout(*state_->store.snapshot(), id);
}

Result<std::vector<Rollout>> LedgerStore::rollouts(std::span<const RolloutId> ids) const {
  return read_rollouts(*state_->store.snapshot(), ids);
}

Result<std::vector<RolloutId>> LedgerStore::in_state(RunId run, RolloutState state,
                                                     std::size_t limit,
                                                     std::uint64_t first_index) const {
  const std::lock_guard lock{state_->mutex};
  FLYWHEEL_TRY(const RunIndex* const index, state_->index_of(run));
  std::vector<RolloutId> ids;
  if (state == RolloutState::consumed || state == RolloutState::discarded) {
    for (std::uint64_t i = first_index; i < index->size() && ids.size() < limit; ++i)
      if (index->at(i).state == state) ids.push_back(derive_id<RolloutId>(run, i));
    return ids;
  }
  const auto& open = index->open(state);
  for (auto at = open.lower_bound(first_index); at != open.end() && ids.size() < limit; ++at)
    ids.push_back(derive_id<RolloutId>(run, *at));
  return ids;
}

Result<StateCounts> LedgerStore::counts(RunId run) const {
  const std::lock_guard lock{state_->mutex};
  FLYWHEEL_TRY(const RunIndex* const index, state_->index_of(run));
  StateCounts counts{};
  for (std::size_t i = 0; i < counts.size(); ++i)
    counts[i] = index->count(static_cast<RolloutState>(i));
  return counts;
}

Result<std::uint64_t> LedgerStore::planned_count(RunId run) const {
  const std::lock_guard lock{state_->mutex};
  FLYWHEEL_TRY(const RunIndex* const index, state_->index_of(run));
  return index->size();
}

Result<GroupState> LedgerStore::group(RunId run, std::uint64_t group_index) const {
  const std::lock_guard lock{state_->mutex};
  FLYWHEEL_TRY(const RunIndex* const index, state_->index_of(run));
  GroupState group{.group_index = group_index};
  const std::uint64_t first = group_index * index->group_size();
  const std::uint64_t end = std::min(first + index->group_size(), index->size());
  if (first >= end)
    return fail(Failure::not_found,
                to_string(run) + " has no group " + std::to_string(group_index));
  for (std::uint64_t i = first; i < end; ++i) {
    ++group.counts[static_cast<std::size_t>(index->at(i).state)];
    if (index->at(i).state == RolloutState::graded)
      group.graded.push_back(derive_id<RolloutId>(run, i));
  }
  group.is_complete = index->is_complete(group_index);
  return group;
}

Result<std::vector<std::uint64_t>> LedgerStore::complete_groups(RunId run,
                                                                std::size_t limit) const {
  const std::lock_guard lock{state_->mutex};
  FLYWHEEL_TRY(const RunIndex* const index, state_->index_of(run));
  const auto& complete = index->complete_groups();
  std::vector<std::uint64_t> groups;
  for (auto at = complete.begin(); at != complete.end() && groups.size() < limit; ++at)
    groups.push_back(*at);
  return groups;
}

Result<std::uint64_t> LedgerStore::last_step(RunId run) const {
  const std::lock_guard lock{state_->mutex};
  FLYWHEEL_TRY(const RunIndex* const index, state_->index_of(run));
  return index->last_step;
}

Result<StepRecord> LedgerStore::step(RunId run, std::uint64_t step) const {
  return read_record<StepRecord>(state_->store, number_key(RecordKind::step, run, step));
}

Result<std::vector<StepRecord>> LedgerStore::steps(RunId run, std::uint64_t first_step) const {
  return read_records<StepRecord>(state_->store, id_key(RecordKind::step, run),
                                  number_key(RecordKind::step, run, first_step));
}

Result<std::vector<Rollout>> LedgerStore::consumed_by(RunId run, std::uint64_t step) const {
  const auto snapshot = state_->store.snapshot();
  FLYWHEEL_TRY(const StepRecord record,
               read_record<StepRecord>(*snapshot, number_key(RecordKind::step, run, step)));
  return read_rollouts(*snapshot, record.consumed);
}

Result<std::vector<RunEvent>> LedgerStore::events(RunId run) const {
  return read_records<RunEvent>(state_->store, id_key(RecordKind::run_event, run));
}

}  // namespace flywheel
