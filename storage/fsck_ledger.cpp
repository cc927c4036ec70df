#include "storage/fsck_ledger.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "storage/keys.hpp"
#include "storage/lineage.hpp"
#include "storage/stored_records.hpp"

namespace flywheel {
namespace {

// What the four records of one rollout say, as far as they can be read.
struct Traces {
  bool has_plan = false;
  bool has_transcript = false;
  bool has_verdict = false;
  std::optional<RolloutPlan> plan{};
  std::optional<RolloutProgress> progress{};
};

class RunChecker {
 public:
  RunChecker(const KeyValueReader& store, const RunRecord& run, FsckFindings& findings)
      : store_(store), run_(run), name_(to_string(run.id)), findings_(findings) {}

  void check() {
    collect();
    check_steps();
    check_indices();
    for (const auto& [number, traces] : rollouts_) check_rollout(number, traces);
    check_edges();
  }

 private:
  void collect();
  void check_steps();
  void check_indices();
  void check_rollout(std::uint64_t number, const Traces& traces);
  void check_place(std::uint64_t number, const Traces& traces);
  void check_edges();
  std::string name_of(std::uint64_t number) const {
    return fmt::format("rollout {} of {}", number, name_);
  }
  void visit_rollouts(RecordKind kind,
                      const std::function<void(Traces&, std::string_view, std::string_view)>& take);

  const KeyValueReader& store_;
  const RunRecord& run_;
  std::string name_;
  FsckFindings& findings_;
  std::map<std::uint64_t, Traces> rollouts_;            // by index
  std::map<std::uint64_t, std::uint64_t> consumed_by_;  // index -> the step that lists it
  std::uint64_t last_step_ = 0;
};

void RunChecker::visit_rollouts(
    RecordKind kind, const std::function<void(Traces&, std::string_view, std::string_view)>& take) {
  const auto visit = [&](std::string_view key, std::string_view value) {
    take(rollouts_[id_in_key(key).low & 0xffffffff], key, value);
    return true;
  };
  findings_.add_if_failed(store_.scan(rollouts_key(kind, run_.id), visit));
}

void RunChecker::collect() {
  visit_rollouts(RecordKind::rollout_plan, [](Traces& traces, auto key, auto value) {
    traces.has_plan = true;
    if (auto plan = decode<RolloutPlan>(key, value)) traces.plan = std::move(*plan);
  });
  visit_rollouts(RecordKind::rollout_progress, [](Traces& traces, auto key, auto value) {
    if (auto progress = decode<RolloutProgress>(key, value)) traces.progress = std::move(*progress);
  });
  visit_rollouts(RecordKind::transcript,
                 [](Traces& traces, auto, auto) { traces.has_transcript = true; });
  visit_rollouts(RecordKind::verdict,
                 [](Traces& traces, auto, auto) { traces.has_verdict = true; });
}

void RunChecker::check_steps() {
  std::uint64_t next = 1;
  PolicyVersion version = 0;
  const auto take = [&](std::string_view, StepRecord step) -> Result<bool> {
    if (step.step != next)
      findings_.add(fmt::format("{}: step {} comes where step {} is due", name_, step.step, next));
    if (step.policy_version <= version)
      findings_.add(fmt::format("{}: the version does not grow at step {}", name_, step.step));
    next = step.step + 1;
    version = step.policy_version;
    last_step_ = step.step;
    for (const RolloutId& id : step.consumed) {
      const std::uint64_t number = id.low & 0xffffffff;
      if (id != derive_id<RolloutId>(run_.id, number) || !rollouts_.contains(number)) {
        ++findings_.report.lost_count;
        findings_.add(fmt::format("{}: step {} consumed {}, which is not stored", name_, step.step,
                                  to_string(id)));
        continue;
      }
      const auto [first, is_new] = consumed_by_.emplace(number, step.step);
      if (is_new) continue;
      ++findings_.report.twice_count;
      findings_.add(fmt::format("{} is consumed twice: by steps {} and {}", name_of(number),
                                first->second, step.step));
    }
    return true;
  };
  // A step that does not decode ends the walk; check_every_record has named it.
  const auto walked = visit_records<StepRecord>(store_, id_key(RecordKind::step, run_.id), take);
  if (!walked) findings_.add(name_ + ": its steps can't all be read");
}

void RunChecker::check_indices() {
  std::uint64_t next = 0;
  for (const auto& [number, traces] : rollouts_) {
    for (; next < number; ++next) {
      ++findings_.report.lost_count;
      findings_.add(name_of(next) + " is lost: later ones are stored");
    }
    next = number + 1;
    if (traces.progress && traces.has_plan) continue;
    ++findings_.report.lost_count;
    findings_.add(name_of(number) +
                  (traces.has_plan ? " has no readable progress" : " has no plan"));
  }
}

void RunChecker::check_rollout(std::uint64_t number, const Traces& traces) {
  if (traces.plan) {
    const RolloutPlan& plan = *traces.plan;
    if (plan.run != run_.id || plan.index != number ||
        plan.group_index != number / run_.group_size ||
        plan.sample_index != number % run_.group_size)
      findings_.add(name_of(number) + " has the plan of another");
  }
  if (!traces.progress) return;
  const RolloutState state = traces.progress->state;
  ++findings_.report.rollouts[static_cast<std::size_t>(state)];
  const bool is_sampled = state >= RolloutState::finished && state <= RolloutState::consumed;
  const bool is_judged = state >= RolloutState::graded && state <= RolloutState::consumed;
  if (is_sampled && !traces.has_transcript)
    findings_.add(fmt::format("{} is {} without a transcript", name_of(number), to_string(state)));
  if (is_judged && !traces.has_verdict)
    findings_.add(fmt::format("{} is {} without a verdict", name_of(number), to_string(state)));
  if (state == RolloutState::discarded && traces.progress->discard_reason.empty())
    findings_.add(name_of(number) + " is discarded without a reason");
  check_place(number, traces);
}

void RunChecker::check_place(std::uint64_t number, const Traces& traces) {
  const RolloutState state = traces.progress->state;
  const std::uint64_t step = traces.progress->step;
  const auto consumer = consumed_by_.find(number);
  if (state == RolloutState::leased && step != last_step_ + 1)
    findings_.add(fmt::format("{} is leased to step {}, but the next step is {}", name_of(number),
                              step, last_step_ + 1));
  if (state == RolloutState::consumed &&
      (consumer == consumed_by_.end() || consumer->second != step))
    findings_.add(
        fmt::format("{} is consumed by step {}, which does not list it", name_of(number), step));
  if (state != RolloutState::consumed && consumer != consumed_by_.end())
    findings_.add(fmt::format("{} is {}, but step {} lists it as consumed", name_of(number),
                              to_string(state), consumer->second));
  if (state != RolloutState::leased && state != RolloutState::consumed && step != 0)
    findings_.add(
        fmt::format("{} is {} and names step {}", name_of(number), to_string(state), step));
}

void RunChecker::check_edges() {
  for (const DatasetVersionId& dataset : run_.datasets) {
    const auto stored = has_record(store_, id_key(RecordKind::dataset_version, dataset));
    if (stored && !*stored)
      findings_.add(fmt::format("{} names {}, which is not stored", name_, to_string(dataset)));
    const auto edges = edges_from(store_, run_.id);
    const Edge edge{run_.id, Relation::trained_on, dataset};
    if (edges && std::find(edges->begin(), edges->end(), edge) == edges->end())
      findings_.add(
          fmt::format("the lineage {} trained_on {} is missing", name_, to_string(dataset)));
  }
}

}  // namespace

void check_ledger(const KeyValueReader& store, FsckFindings& findings) {
  std::vector<RunRecord> runs;
  const auto collect = [&](std::string_view key, std::string_view value) {
    if (auto run = decode<RunRecord>(key, value)) runs.push_back(std::move(*run));
    return true;
  };
  findings.add_if_failed(store.scan(kind_key(RecordKind::run), collect));
  findings.report.run_count = runs.size();
  std::set<std::string, std::less<>> parents;
  for (const RunRecord& run : runs) {
    RunChecker{store, run, findings}.check();
    parents.insert(rollouts_key(RecordKind::rollout_plan, run.id));
  }

  const auto check_parent = [&](std::string_view key, std::string_view) {
    const std::size_t size = rollouts_key(RecordKind::rollout_plan, RunId{}).size();
    if (!parents.contains(key.substr(0, size)))
      findings.add(to_string(id_in_key(key)) + " is of a run that is not stored");
    return true;
  };
  findings.add_if_failed(store.scan(kind_key(RecordKind::rollout_plan), check_parent));
}

}  // namespace flywheel
