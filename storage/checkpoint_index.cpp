#include "storage/checkpoint_index.hpp"

#include <set>

#include <fmt/format.h>

#include "runtime/base/durable_file.hpp"
#include "runtime/base/log.hpp"
#include "storage/keys.hpp"
#include "storage/lineage.hpp"
#include "storage/record_format.hpp"
#include "storage/stored_files.hpp"
#include "storage/stored_records.hpp"

namespace flywheel {
namespace {

namespace fs = std::filesystem;

std::string snapshot_key(RunId run, std::uint64_t step) {
  return number_key(RecordKind::snapshot, run, step);
}

// What the index has forgotten may go; a file that resists costs space, not correctness.
void remove_files(const std::vector<fs::path>& paths) {
  for (const fs::path& path : paths) {
    std::error_code code;
    fs::remove(path, code);
    if (code) log_warning("can't remove {}: {}", path.string(), code.message());
  }
}

}  // namespace

Result<CheckpointRecord> CheckpointIndex::add_checkpoint(CheckpointRecord checkpoint) {
  const fs::path folder = home_ / checkpoint.folder;
  FLYWHEEL_TRY(checkpoint.files, describe_folder(folder));
  if (checkpoint.files.empty())
    return fail(Failure::invalid_argument, folder.string() + " has no files: no checkpoint");
  FLYWHEEL_TRY_VOID(read_record<RunRecord>(store_, id_key(RecordKind::run, checkpoint.run)));
  for (const FileRecord& file : checkpoint.files)
    FLYWHEEL_TRY_VOID(sync_path((folder / file.path).string()));
  FLYWHEEL_TRY_VOID(sync_path(folder.string()));
  FLYWHEEL_TRY_VOID(sync_path(folder.parent_path().string()));

  WriteBatch batch;
  batch.put(id_key(RecordKind::checkpoint, checkpoint.id), encode(checkpoint));
  put_edge(batch, {checkpoint.id, Relation::made_by, checkpoint.run});
  if (!checkpoint.parent.is_nil()) {
    FLYWHEEL_TRY_VOID(this->checkpoint(checkpoint.parent));
    put_edge(batch, {checkpoint.id, Relation::derived_from, checkpoint.parent});
  }
  FLYWHEEL_TRY_VOID(store_.write(batch, Durability::synced));
  return checkpoint;
}

Result<CheckpointRecord> CheckpointIndex::checkpoint(CheckpointId id) const {
  return read_record<CheckpointRecord>(store_, id_key(RecordKind::checkpoint, id));
}

Result<std::vector<CheckpointRecord>> CheckpointIndex::checkpoints() const {
  return read_records<CheckpointRecord>(store_, kind_key(RecordKind::checkpoint));
}

Result<> CheckpointIndex::verify(const CheckpointRecord& checkpoint) const {
  for (const FileRecord& file : checkpoint.files)
    FLYWHEEL_TRY_VOID(verify_file(home_ / checkpoint.folder, file));
  return {};
}

Result<SnapshotRecord> CheckpointIndex::commit_snapshot(RunId run, std::uint64_t step,
                                                        const fs::path& path, Hash128 state_hash,
                                                        std::uint64_t created_ms,
                                                        std::size_t kept_count) {
  FLYWHEEL_TRY_VOID(read_record<RunRecord>(store_, id_key(RecordKind::run, run)));
  SnapshotRecord snapshot{run, step, created_ms, {}, state_hash};
  FLYWHEEL_TRY(snapshot.file, describe_file(home_, path));
  FLYWHEEL_TRY_VOID(sync_path(path.string()));
  FLYWHEEL_TRY_VOID(sync_path(path.parent_path().string()));

  FLYWHEEL_TRY(auto kept, snapshots(run));
  std::vector<fs::path> forgotten;
  WriteBatch batch;
  std::erase_if(kept, [&](const SnapshotRecord& each) {
    if (each.step != step) return false;
    if (each.file.path != snapshot.file.path) forgotten.push_back(path_of(each));
    return true;
  });
  for (std::size_t i = 0; i + kept_count <= kept.size(); ++i) {
    batch.erase(snapshot_key(run, kept[i].step));
    forgotten.push_back(path_of(kept[i]));
  }
  batch.put(snapshot_key(run, step), encode(snapshot));
  FLYWHEEL_TRY_VOID(store_.write(batch, Durability::synced));
  remove_files(forgotten);
  return snapshot;
}

Result<std::vector<SnapshotRecord>> CheckpointIndex::snapshots(RunId run) const {
  return read_records<SnapshotRecord>(store_, id_key(RecordKind::snapshot, run));
}

Result<std::optional<SnapshotRecord>> CheckpointIndex::newest_snapshot(
    RunId run, std::uint64_t step_max) const {
  FLYWHEEL_TRY(const auto all, snapshots(run));
  for (auto at = all.rbegin(); at != all.rend(); ++at) {
    if (at->step > step_max) continue;
    const auto verified = verify_file(home_, at->file);
    if (verified) return std::optional<SnapshotRecord>{*at};
    log_warning("snapshot of step {} is passed over: {}", at->step, verified.error().message);
  }
  return std::optional<SnapshotRecord>{};
}

Result<> CheckpointIndex::drop_snapshots_after(RunId run, std::uint64_t step) {
  FLYWHEEL_TRY(const auto all, snapshots(run));
  WriteBatch batch;
  std::vector<fs::path> forgotten;
  for (const SnapshotRecord& snapshot : all) {
    if (snapshot.step <= step) continue;
    batch.erase(snapshot_key(run, snapshot.step));
    forgotten.push_back(path_of(snapshot));
  }
  if (batch.empty()) return {};
  FLYWHEEL_TRY_VOID(store_.write(batch, Durability::synced));
  remove_files(forgotten);
  return {};
}

Result<std::uint64_t> CheckpointIndex::remove_strays(RunId run, const fs::path& folder) {
  FLYWHEEL_TRY(const auto all, snapshots(run));
  std::set<fs::path> named;
  for (const SnapshotRecord& snapshot : all) named.insert(path_of(snapshot).lexically_normal());
  std::uint64_t free_bytes = 0;
  std::vector<fs::path> strays;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator{folder, code}) {
    if (!entry.is_regular_file(code) || named.contains(entry.path().lexically_normal())) continue;
    free_bytes += entry.file_size(code);
    strays.push_back(entry.path());
  }
  remove_files(strays);
  return free_bytes;
}

}  // namespace flywheel
