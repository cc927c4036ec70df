#include "actors/run_plan.hpp"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "actors/evaluation_file.hpp"
#include "runtime/base/log.hpp"
#include "runtime/tasks/task_file.hpp"

namespace flywheel {
namespace {

Result<std::vector<Task>> make_tasks(const TaskFamily& family, std::string_view split,
                                     std::uint64_t count, std::uint64_t seed) {
  std::vector<Task> tasks;
  for (std::uint64_t i = 0; i < count; ++i) {
    FLYWHEEL_TRY(auto task, family.make_task(split, i, seed));
    tasks.push_back(std::move(task));
  }
  return tasks;
}

struct RunTasks {
  std::vector<Task> train{};
  HeldOutTasks held_out{};

  const std::vector<Task>& of(std::string_view split) const {
    if (split == split_train) return train;
    return split == split_held_out ? held_out.generated : held_out.hand_written;
  }
};

Result<RunTasks> run_tasks(const ExperimentSpec& spec, const TaskFamily& family) {
  RunTasks tasks;
  FLYWHEEL_TRY(tasks.held_out, held_out_tasks(spec, family));
  FLYWHEEL_TRY(tasks.train, make_tasks(family, split_train, spec.data.train_tasks, spec.seed));
  return tasks;
}

// What a split's tasks are made from, as the user can change it.
std::string origin_of(const ExperimentSpec& spec, std::string_view split) {
  if (split == split_hand_written) return spec.data.hand_written;
  std::string origin = spec.task.family;
  for (const auto& [key, value] : spec.task.parameters.items())
    if (value.is_string() && (key.ends_with("_file") || key.ends_with("_folder")))
      origin += ", " + value.get<std::string>();
  return origin;
}

Result<std::vector<Rollout>> unfinished_rollouts(const LedgerStore& ledger, RunId run) {
  std::vector<RolloutId> ids;
  for (const auto state : {RolloutState::planned, RolloutState::finished}) {
    FLYWHEEL_TRY(const auto found, ledger.in_state(run, state));
    ids.insert(ids.end(), found.begin(), found.end());
  }
  FLYWHEEL_TRY(auto rollouts, ledger.rollouts(ids));
  std::sort(rollouts.begin(), rollouts.end(),
            [](const Rollout& a, const Rollout& b) { return a.index < b.index; });
  return rollouts;
}

// What was discarded, by group. Where nothing is left of one, another was started in its place.
Result<> count_discarded(const LedgerStore& ledger, const RunRecord& record, ResumePoint& resume) {
  for (std::uint64_t index = 0; index < resume.next_group; ++index) {
    FLYWHEEL_TRY(const auto group, ledger.group(record.id, index));
    const auto count = group.counts[static_cast<std::size_t>(RolloutState::discarded)];
    if (count == record.group_size)
      ++resume.given_up_group_count;
    else if (count > 0)
      resume.discarded[index] = static_cast<std::uint32_t>(count);
  }
  return {};
}

// A roll-back may have left a snapshot of the line that it gave up, whose step was taken anew.
Result<std::optional<SnapshotRecord>> newest_snapshot(const Services& services, RunId run,
                                                      std::uint64_t step_max) {
  for (;;) {
    FLYWHEEL_TRY(auto snapshot, services.checkpoints->newest_snapshot(run, step_max));
    if (!snapshot || snapshot->step == 0) return snapshot;
    FLYWHEEL_TRY(const auto committed, services.ledger->step(run, snapshot->step));
    if (snapshot->state_hash == committed.learner_state_hash) return snapshot;
    log_warning("snapshot of step {} is passed over: it holds state {}, {} was committed",
                snapshot->step, to_string(snapshot->state_hash),
                to_string(committed.learner_state_hash));
    step_max = snapshot->step - 1;
  }
}

// The newest step whose weights the resumed run may start from: in deterministic mode rollouts that
// were not talked through ask for the version of their index, which may be an earlier one.
std::uint64_t newest_usable_step(const ExperimentSpec& spec, const ResumePoint& resume) {
  std::uint64_t step = resume.last_step;
  if (!spec.deterministic) return step;
  // The first group that was never planned asks for one, too, unless all were planned.
  if (resume.next_group < spec.budget.steps * spec.task.tasks_per_step)
    step = std::min<std::uint64_t>(
        step, version_of_group(resume.next_group, spec.task.tasks_per_step, spec.staleness_max));
  for (const Rollout& rollout : resume.unfinished)
    if (rollout.state == RolloutState::planned)
      step = std::min<std::uint64_t>(
          step,
          version_of_group(rollout.group_index, spec.task.tasks_per_step, spec.staleness_max));
  return step;
}

}  // namespace

Result<HeldOutTasks> held_out_tasks(const ExperimentSpec& spec, const TaskFamily& family) {
  HeldOutTasks tasks;
  FLYWHEEL_TRY(tasks.generated,
               make_tasks(family, split_held_out, spec.data.held_out_tasks, spec.seed));
  if (!spec.data.hand_written.empty()) {
    FLYWHEEL_TRY(tasks.hand_written, load_task_file(spec.data.hand_written));
  }
  return tasks;
}

Result<RunRecord> create_run(const Services& services, const ExperimentSpec& spec,
                             const TaskFamily& family, Hash128 base_weights) {
  FLYWHEEL_TRY(const auto tasks, run_tasks(spec, family));
  RunRecord record;
  record.id = make_id<RunId>(*services.clock);
  record.name = spec.name;
  record.spec_text = resolved_spec_text(spec);
  record.seed = spec.seed;
  record.created_ms = record.id.created_ms();
  record.is_deterministic = spec.deterministic;
  record.group_size = spec.task.samples_per_task;
  record.base_weights = base_weights;
  const std::string generator = spec.task.family + ", seed " + std::to_string(spec.seed);
  const auto put = [&](std::string_view split, std::string source) -> Result<> {
    if (tasks.of(split).empty()) return {};
    FLYWHEEL_TRY(
        const auto version,
        services.datasets->put(
            {spec.task.family, std::string{split}, std::move(source), tasks.of(split), {}}));
    record.datasets.push_back(version.id);
    return {};
  };
  FLYWHEEL_TRY_VOID(put(split_train, generator));
  FLYWHEEL_TRY_VOID(put(split_held_out, generator));
  FLYWHEEL_TRY_VOID(put(split_hand_written, spec.data.hand_written));
  FLYWHEEL_TRY_VOID(services.workspace->create_run_folder(record.id, record.spec_text));
  FLYWHEEL_TRY_VOID(services.ledger->create_run(record));
  return record;
}

Result<> check_data_unchanged(const Services& services, const RunRecord& record,
                              const ExperimentSpec& spec, const TaskFamily& family) {
  FLYWHEEL_TRY(const auto tasks, run_tasks(spec, family));
  for (const DatasetVersionId id : record.datasets) {
    FLYWHEEL_TRY(const auto version, services.datasets->version(id));
    if (content_hash_of(tasks.of(version.split)) == version.content_hash) continue;
    return fail(Failure::hash_mismatch,
                fmt::format("the {} tasks of {} are not those that {} began with: put back what "
                            "was changed, or begin a new run",
                            version.split, origin_of(spec, version.split), to_string(record.id)));
  }
  return {};
}

Result<ResumePoint> resume_point(const Services& services, const RunRecord& record,
                                 const ExperimentSpec& spec) {
  const LedgerStore& ledger = *services.ledger;
  FLYWHEEL_TRY_VOID(services.ledger->recover(record.id));
  ResumePoint resume;
  FLYWHEEL_TRY(resume.last_step, ledger.last_step(record.id));
  FLYWHEEL_TRY(const auto planned, ledger.planned_count(record.id));
  resume.next_group = planned / record.group_size;
  FLYWHEEL_TRY(resume.unfinished, unfinished_rollouts(ledger, record.id));
  if (!spec.deterministic) {
    FLYWHEEL_TRY_VOID(count_discarded(ledger, record, resume));
  }

  FLYWHEEL_TRY(const auto snapshot,
               newest_snapshot(services, record.id, newest_usable_step(spec, resume)));
  if (snapshot) {
    resume.snapshot_step = snapshot->step;
    resume.snapshot_path = (services.workspace->home() / snapshot->file.path).string();
    resume.snapshot_hash = snapshot->state_hash;
  }
  FLYWHEEL_TRY(const auto steps, ledger.steps(record.id, resume.snapshot_step + 1));
  resume.replay.assign(steps.begin(), steps.end());
  return resume;
}

Result<> roll_back_to_snapshot(const Services& services, const RunRecord& record,
                               const ExperimentSpec& spec, std::uint64_t step,
                               const std::string& why) {
  log_warning("run {} rolls back to step {}: {}", to_string(record.id), step, why);
  // The ledger last: a crash before it leaves the steps to be replayed, and to be rolled back
  // again; one after it would leave snapshots and evaluations of weights that are gone.
  FLYWHEEL_TRY_VOID(services.checkpoints->drop_snapshots_after(record.id, step));
  FLYWHEEL_TRY_VOID(
      drop_evaluations_after(services.workspace->run_folder(record.id) / "evaluations", step));
  FLYWHEEL_TRY_VOID(services.ledger->roll_back(record.id, step, spec.staleness_max, why));
  return {};
}

}  // namespace flywheel
