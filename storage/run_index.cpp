#include "storage/run_index.hpp"

#include <fmt/format.h>

#include "runtime/base/check.hpp"
#include "storage/stored_records.hpp"

namespace flywheel {
namespace {

constexpr std::size_t id_bytes = 16;

}  // namespace

Result<RunIndex> RunIndex::load(const KeyValueReader& store, const RunRecord& run) {
  RunIndex index;
  index.group_size_ = run.group_size;
  const auto take_rollout = [&](std::string_view key,
                                const RolloutProgress& progress) -> Result<bool> {
    const std::uint64_t stored = id_in_key(key).low & 0xffffffff;
    if (stored != index.size())
      return fail(Failure::corrupt, fmt::format("{}: rollout {} is missing from the ledger; run "
                                                "flywheel fsck",
                                                to_string(run.id), index.size()));
    index.append(progress);
    return true;
  };
  FLYWHEEL_TRY_VOID(visit_records<RolloutProgress>(
      store, rollouts_key(RecordKind::rollout_progress, run.id), take_rollout));

  const auto take_step = [&](std::string_view, const StepRecord& step) -> Result<bool> {
    index.last_step = step.step;
    index.last_version = step.policy_version;
    return true;
  };
  FLYWHEEL_TRY_VOID(visit_records<StepRecord>(store, id_key(RecordKind::step, run.id), take_step));

  const auto count_event = [&](std::string_view key, std::string_view) {
    index.event_count = number_in_key(key, id_bytes) + 1;
    return true;
  };
  FLYWHEEL_TRY_VOID(store.scan(id_key(RecordKind::run_event, run.id), count_event));
  return index;
}

void RunIndex::append(const RolloutProgress& progress) {
  rollouts_.push_back(progress);
  enter(rollouts_.size() - 1, progress.state);
}

void RunIndex::set(std::uint64_t index, RolloutProgress progress) {
  FLYWHEEL_CHECK(index < rollouts_.size());
  const auto old = static_cast<std::size_t>(rollouts_[index].state);
  --counts_[old];
  if (old < open_.size()) open_[old].erase(index);
  const RolloutState state = progress.state;
  rollouts_[index] = std::move(progress);
  enter(index, state);
}

void RunIndex::enter(std::uint64_t index, RolloutState state) {
  const auto number = static_cast<std::size_t>(state);
  ++counts_[number];
  if (number < open_.size()) open_[number].insert(index);
  const std::uint64_t group_index = index / group_size_;
  if (is_complete(group_index))
    complete_groups_.insert(group_index);
  else
    complete_groups_.erase(group_index);
}

bool RunIndex::is_complete(std::uint64_t group_index) const {
  const std::uint64_t end = (group_index + 1) * group_size_;
  if (end > rollouts_.size()) return false;
  bool has_graded = false;
  for (std::uint64_t i = group_index * group_size_; i < end; ++i) {
    const RolloutState state = rollouts_[i].state;
    if (state == RolloutState::graded)
      has_graded = true;
    else if (state != RolloutState::discarded)
      return false;
  }
  return has_graded;
}

}  // namespace flywheel
