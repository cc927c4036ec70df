#include "storage/ledger_state.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "storage/record_format.hpp"
#include "storage/stored_records.hpp"

namespace flywheel {
namespace {

constexpr std::uint64_t index_max = 0xffffffff;  // derive_id keeps 32 bits of it

std::uint64_t number_of(const RolloutId& id) {
  return id.low & index_max;
}

// What the ids of all rollouts of a run have in common.
AnyId parent_of(const AnyId& rollout) {
  return {rollout.high, rollout.low & ~index_max};
}

Error refusal(std::string message) {
  return {Failure::invalid_argument, std::move(message)};
}

struct Versions {
  PolicyVersion oldest = 0;
  PolicyVersion newest = 0;
};

// Over the spans that carry loss; 0 and 0 where there are none.
Versions versions_of(const Transcript& transcript) {
  Versions versions{std::numeric_limits<PolicyVersion>::max(), 0};
  for (const Turn& turn : transcript.turns)
    for (const Span& span : turn.spans) {
      if (!span.carries_loss) continue;
      versions.oldest = std::min(versions.oldest, span.policy_version);
      versions.newest = std::max(versions.newest, span.policy_version);
    }
  versions.oldest = std::min(versions.oldest, versions.newest);
  return versions;
}

Result<> check_spans(const RolloutId& id, const Transcript& transcript) {
  for (const Turn& turn : transcript.turns)
    for (const Span& span : turn.spans)
      if (span.carries_loss && span.log_probabilities.size() != span.tokens.size())
        return fail(refusal(
            fmt::format("{}: a span that carries loss has {} tokens but {} log-probabilities",
                        to_string(id), span.tokens.size(), span.log_probabilities.size())));
  return {};
}

Result<> check_plan(const Rollout& rollout, RunId run, std::uint64_t number,
                    std::uint32_t group_size) {
  if (rollout.run != run)
    return fail(refusal("one plan is of one run: " + to_string(rollout.run) + " is another than " +
                        to_string(run)));
  if (rollout.index != number || number > index_max)
    return fail(refusal(fmt::format("{}: the next rollout to plan has index {}, not {}",
                                    to_string(run), number, rollout.index)));
  if (rollout.id != derive_id<RolloutId>(run, number))
    return fail(refusal(fmt::format("{}: rollout {} must have the id that derive_id gives it",
                                    to_string(run), number)));
  if (rollout.group_index != number / group_size || rollout.sample_index != number % group_size)
    return fail(refusal(fmt::format("{}: rollout {} is sample {} of group {} where a group has {}",
                                    to_string(run), number, number % group_size,
                                    number / group_size, group_size)));
  return {};
}

Json rollout_ids_of(const std::vector<RolloutId>& ids) {
  Json json = Json::array();
  for (const RolloutId& id : ids) json.push_back(to_string(id));
  return json;
}

}  // namespace

std::uint64_t LedgerState::now_ms() const {
  using std::chrono::milliseconds;
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<milliseconds>(clock.now().time_since_epoch()).count());
}

void LedgerState::remember(const RunRecord& run) {
  runs[run.id].record = run;
  run_of_parent[parent_of(derive_id<RolloutId>(run.id, 0))] = run.id;
}

Result<LedgerState::Run*> LedgerState::known(RunId id) {
  const auto found = runs.find(id);
  if (found == runs.end())
    return fail(Failure::not_found, to_string(id) + " is not in this workspace");
  return &found->second;
}

Result<RunIndex*> LedgerState::index_of(RunId id) {
  FLYWHEEL_TRY(Run* const run, known(id));
  if (!run->index) {
    FLYWHEEL_TRY(run->index, RunIndex::load(store, run->record));
  }
  return &*run->index;
}

Result<LedgerState::Place> LedgerState::place_of(const RolloutId& id) {
  const auto found = run_of_parent.find(parent_of(id));
  if (found != run_of_parent.end()) {
    FLYWHEEL_TRY(RunIndex* const index, index_of(found->second));
    if (number_of(id) < index->size()) return Place{found->second, index, number_of(id)};
  }
  return fail(Failure::not_found, to_string(id) + " is not in the ledger");
}

Result<std::vector<LedgerState::Place>> LedgerState::places_of(
    const std::vector<RolloutId>& ids, std::initializer_list<RolloutState> allowed,
    std::string_view verb) {
  std::set<RolloutId> seen;
  std::vector<Place> places;
  for (const RolloutId& id : ids) {
    FLYWHEEL_TRY(const Place place, place_of(id));
    const RolloutState state = place.index->at(place.number).state;
    if (std::find(allowed.begin(), allowed.end(), state) == allowed.end())
      return fail(
          refusal(fmt::format("{} is {}: it can't be {}", to_string(id), to_string(state), verb)));
    if (!seen.insert(id).second) return fail(refusal(to_string(id) + " is named twice"));
    places.push_back(place);
  }
  return places;
}

void LedgerState::put(PendingChanges& pending, const Place& place, RolloutProgress progress) {
  const RolloutId id = derive_id<RolloutId>(place.run, place.number);
  pending.batch.put(id_key(RecordKind::rollout_progress, id), encode(progress));
  pending.touched.insert(place.run);
  place.index->set(place.number, std::move(progress));
}

void LedgerState::move_to(PendingChanges& pending, const Place& place, RolloutState state,
                          std::uint64_t step) {
  RolloutProgress progress = place.index->at(place.number);
  progress.state = state;
  progress.step = step;
  put(pending, place, std::move(progress));
}

void LedgerState::discard(PendingChanges& pending, const Place& place, std::string_view reason) {
  RolloutProgress progress = place.index->at(place.number);
  progress.state = RolloutState::discarded;
  progress.step = 0;
  progress.discard_reason = reason;
  put(pending, place, std::move(progress));
}

void LedgerState::add_event(PendingChanges& pending, RunId run, RunIndex& index, std::string kind,
                            Json details) {
  pending.touched.insert(run);
  pending.batch.put(number_key(RecordKind::run_event, run, index.event_count++),
                    encode(RunEvent{run, now_ms(), std::move(kind), std::move(details)}));
}

Result<> LedgerState::write(const PendingChanges& pending) {
  if (pending.batch.empty()) return {};
  auto written = store.write(pending.batch, Durability::synced);
  if (!written)
    for (const RunId& run : pending.touched) runs[run].index.reset();
  return written;
}

Result<> LedgerState::stage(const PlanRollouts& change, PendingChanges& pending) {
  if (change.rollouts.empty()) return {};
  const RunId run = change.rollouts.front().run;
  FLYWHEEL_TRY(RunIndex* const index, index_of(run));
  for (std::size_t i = 0; i < change.rollouts.size(); ++i)
    FLYWHEEL_TRY_VOID(check_plan(change.rollouts[i], run, index->size() + i, index->group_size()));

  pending.touched.insert(run);
  for (const Rollout& rollout : change.rollouts) {
    pending.batch.put(id_key(RecordKind::rollout_plan, rollout.id),
                      encode(RolloutPlan{run, rollout.index, rollout.group_index,
                                         rollout.sample_index, rollout.task}));
    pending.batch.put(id_key(RecordKind::rollout_progress, rollout.id), encode(RolloutProgress{}));
    index->append({});
  }
  return {};
}

Result<> LedgerState::stage(const StartRollouts& change, PendingChanges& pending) {
  FLYWHEEL_TRY(const auto places, places_of(change.ids, {RolloutState::planned}, "started"));
  for (const Place& place : places) move_to(pending, place, RolloutState::running);
  return {};
}

Result<> LedgerState::stage(const RequeueRollouts& change, PendingChanges& pending) {
  FLYWHEEL_TRY(const auto places, places_of(change.ids, {RolloutState::running}, "queued again"));
  for (const Place& place : places) move_to(pending, place, RolloutState::planned);
  return {};
}

Result<> LedgerState::stage(const FinishRollout& change, PendingChanges& pending) {
  FLYWHEEL_TRY(const auto places, places_of({change.id}, {RolloutState::running}, "finished"));
  FLYWHEEL_TRY_VOID(check_spans(change.id, change.transcript));
  pending.batch.put(id_key(RecordKind::transcript, change.id), encode(change.transcript));
  const Versions versions = versions_of(change.transcript);
  put(pending, places.front(),
      {RolloutState::finished, 0, versions.oldest, versions.newest, std::string{}});
  return {};
}

Result<> LedgerState::stage(const GradeRollout& change, PendingChanges& pending) {
  FLYWHEEL_TRY(const auto places, places_of({change.id}, {RolloutState::finished}, "graded"));
  if (change.verdict.status == VerdictStatus::infra_error)
    return fail(refusal(to_string(change.id) +
                        ": infra_error is no grade; grade it again, or discard the rollout"));
  pending.batch.put(id_key(RecordKind::verdict, change.id), encode(change.verdict));
  move_to(pending, places.front(), RolloutState::graded);
  return {};
}

Result<> LedgerState::stage(const LeaseRollouts& change, PendingChanges& pending) {
  FLYWHEEL_TRY(RunIndex* const index, index_of(change.run));
  if (change.step != index->last_step + 1)
    return fail(refusal(fmt::format("{}: only step {} can lease, not step {}",
                                    to_string(change.run), index->last_step + 1, change.step)));
  FLYWHEEL_TRY(const auto places, places_of(change.ids, {RolloutState::graded}, "leased"));
  for (const Place& place : places)
    if (place.run != change.run)
      return fail(refusal(fmt::format("rollout {} of {} can't be leased to {}", place.number,
                                      to_string(place.run), to_string(change.run))));
  for (const Place& place : places) move_to(pending, place, RolloutState::leased, change.step);
  return {};
}

Result<> LedgerState::stage(const ReleaseLease& change, PendingChanges& pending) {
  FLYWHEEL_TRY(RunIndex* const index, index_of(change.run));
  if (change.step != index->last_step + 1)
    return fail(
        refusal(fmt::format("{}: step {} holds no lease", to_string(change.run), change.step)));
  const auto leased = index->open(RolloutState::leased);
  for (const std::uint64_t number : leased)
    move_to(pending, {change.run, index, number}, RolloutState::graded);
  return {};
}

Result<> LedgerState::stage(const CommitStep& change, PendingChanges& pending) {
  StepRecord step = change.step;
  FLYWHEEL_TRY(RunIndex* const index, index_of(step.run));
  const std::string where = to_string(step.run);
  if (step.step != index->last_step + 1)
    return fail(refusal(fmt::format("{}: the next step to commit is {}, not {}", where,
                                    index->last_step + 1, step.step)));
  if (step.policy_version <= index->last_version)
    return fail(refusal(fmt::format("{}: versions only grow: {} after {}", where,
                                    step.policy_version, index->last_version)));
  const auto numbers = index->open(RolloutState::leased);
  std::vector<RolloutId> leased;
  leased.reserve(numbers.size());
  for (const std::uint64_t number : numbers)
    leased.push_back(derive_id<RolloutId>(step.run, number));
  std::sort(step.consumed.begin(), step.consumed.end());
  if (!step.consumed.empty() && step.consumed != leased)
    return fail(refusal(fmt::format("{}: step {} leased {} rollouts and would consume {} others",
                                    where, step.step, leased.size(), step.consumed.size())));
  step.consumed = std::move(leased);
  if (step.committed_ms == 0) step.committed_ms = now_ms();

  pending.batch.put(number_key(RecordKind::step, step.run, step.step), encode(step));
  pending.touched.insert(step.run);
  for (const std::uint64_t number : numbers)
    move_to(pending, {step.run, index, number}, RolloutState::consumed, step.step);
  index->last_step = step.step;
  index->last_version = step.policy_version;
  return {};
}

Result<> LedgerState::stage(const DiscardRollouts& change, PendingChanges& pending) {
  if (change.reason.empty()) return fail(refusal("a rollout is discarded for a reason: name it"));
  FLYWHEEL_TRY(const auto places, places_of(change.ids,
                                            {RolloutState::planned, RolloutState::running,
                                             RolloutState::finished, RolloutState::graded},
                                            "discarded"));
  for (const Place& place : places) discard(pending, place, change.reason);
  return {};
}

Result<StateCounts> LedgerState::stage_recovery(RunId run, PendingChanges& pending) {
  FLYWHEEL_TRY(RunIndex* const index, index_of(run));
  StateCounts counts{};
  const auto running = index->open(RolloutState::running);
  const auto leased = index->open(RolloutState::leased);
  for (const std::uint64_t number : running)
    move_to(pending, {run, index, number}, RolloutState::planned);
  for (const std::uint64_t number : leased)
    move_to(pending, {run, index, number}, RolloutState::graded);
  counts[static_cast<std::size_t>(RolloutState::running)] = running.size();
  counts[static_cast<std::size_t>(RolloutState::leased)] = leased.size();
  if (running.size() + leased.size() > 0)
    add_event(pending, run, *index, "recovered",
              {{"requeued", running.size()}, {"released", leased.size()}});
  return counts;
}

Result<RollBackReport> LedgerState::stage_roll_back(RunId run, std::uint64_t to_step,
                                                    std::uint64_t staleness_max,
                                                    std::string_view why, PendingChanges& pending) {
  FLYWHEEL_TRY(RunIndex* const index, index_of(run));
  if (to_step > index->last_step)
    return fail(refusal(fmt::format("{}: can't roll back to step {}: the last is {}",
                                    to_string(run), to_step, index->last_step)));
  FLYWHEEL_TRY(const auto steps, read_records<StepRecord>(store, id_key(RecordKind::step, run)));
  PolicyVersion version = 0;
  RollBackReport report;
  Json lost_steps = Json::array();
  for (const StepRecord& step : steps) {
    if (step.step <= to_step) {
      version = step.policy_version;
      continue;
    }
    pending.batch.erase(number_key(RecordKind::step, run, step.step));
    lost_steps.push_back({{"step", step.step}, {"weights", to_string(step.weights_hash)}});
    ++report.lost_step_count;
  }

  const bool is_deterministic = runs[run].record.is_deterministic;
  const auto is_usable = [&](const RolloutProgress& rollout) {
    return rollout.newest_version <= version && rollout.oldest_version + staleness_max >= version;
  };
  for (std::uint64_t number = 0; number < index->size(); ++number) {
    const RolloutProgress rollout = index->at(number);
    const bool is_lost = rollout.state == RolloutState::consumed && rollout.step > to_step;
    const bool is_learnable = is_lost || rollout.state == RolloutState::leased;
    const bool waits =
        rollout.state == RolloutState::finished || rollout.state == RolloutState::graded;
    const Place place{run, index, number};
    const RolloutId id = derive_id<RolloutId>(run, number);
    const bool is_useless = (is_learnable || waits) && !is_usable(rollout);
    // In a deterministic run each step learns the groups of its number: they are talked through
    // again, for nobody plans others in their place.
    if (rollout.state == RolloutState::running || (is_useless && is_deterministic)) {
      pending.batch.erase(id_key(RecordKind::transcript, id));
      pending.batch.erase(id_key(RecordKind::verdict, id));
      put(pending, place, {});
      report.requeued.push_back(id);
    } else if (is_useless) {
      discard(pending, place, "rolled_back");
      report.discarded.push_back(id);
    } else if (is_learnable) {
      move_to(pending, place, RolloutState::graded);
      report.returned.push_back(id);
    }
  }
  add_event(pending, run, *index, "rolled_back",
            {{"from_step", index->last_step},
             {"to_step", to_step},
             {"why", why},
             {"lost_steps", std::move(lost_steps)},
             {"returned", rollout_ids_of(report.returned)},
             {"requeued", rollout_ids_of(report.requeued)},
             {"discarded", rollout_ids_of(report.discarded)}});
  index->last_step = to_step;
  index->last_version = version;
  return report;
}

}  // namespace flywheel
