// CheckpointIndex knows the published checkpoints and the learner's snapshots: where their files
// are and what the files must hash to.
//
//   learner writes FILE.tmp, fsync, rename FILE ─▶ commit_snapshot ─▶ it counts
//
// Guarantees: a snapshot or checkpoint that is in the index was complete on disk before it came
// there;
//             the newest snapshots of a run stay, as many as are asked for; older files are
//             removed after the index has forgotten them.
// Threads:    any number.
#pragma once

#include <filesystem>
#include <optional>

#include "storage/key_value_store.hpp"
#include "storage/records.hpp"

namespace flywheel {

class CheckpointIndex {
 public:
  // `home`: the workspace's folder, which paths are relative to.
  CheckpointIndex(KeyValueStore& store, std::filesystem::path home)
      : store_(store), home_(std::move(home)) {}

  // Describes the folder's files, then one synced write with the lineage. Fill every field but
  // `files`.
  Result<CheckpointRecord> add_checkpoint(CheckpointRecord checkpoint);
  Result<CheckpointRecord> checkpoint(CheckpointId id) const;
  Result<std::vector<CheckpointRecord>> checkpoints() const;  // in time order
  Result<> verify(const CheckpointRecord& checkpoint) const;

  // `path`: the snapshot's file, under home, already fsynced and renamed. Of the run's snapshots
  // the newest `kept_count` stay, this one among them.
  Result<SnapshotRecord> commit_snapshot(RunId run, std::uint64_t step,
                                         const std::filesystem::path& path, Hash128 state_hash,
                                         std::uint64_t created_ms, std::size_t kept_count);
  Result<std::vector<SnapshotRecord>> snapshots(RunId run) const;  // by step
  // The newest whose file is there and matches its hash, at or below `step_max`.
  Result<std::optional<SnapshotRecord>> newest_snapshot(RunId run,
                                                        std::uint64_t step_max = UINT64_MAX) const;
  // Forgets snapshots of steps after `step` (their steps were rolled back) and removes their files.
  Result<> drop_snapshots_after(RunId run, std::uint64_t step);
  // Removes the files of `folder` that no snapshot of the run names: a killed process left them.
  // Only while nobody writes a snapshot of this run. Returns the bytes that are free again.
  Result<std::uint64_t> remove_strays(RunId run, const std::filesystem::path& folder);

 private:
  std::filesystem::path path_of(const SnapshotRecord& snapshot) const {
    return home_ / snapshot.file.path;
  }

  KeyValueStore& store_;
  std::filesystem::path home_;
};

}  // namespace flywheel
