// CheckpointIndex knows the published checkpoints and the learner's snapshots: where their files
// are and what the files must hash to.
//
//   learner writes FILE.tmp, fsync, rename FILE ─▶ describe_file ─▶ commit_snapshot ─▶ it counts
//
// Guarantees: a snapshot or checkpoint that is in the index was complete on disk before it came
// there;
//             the newest `snapshots_kept` snapshots of a run stay, older files are removed after
//             the index has forgotten them.
// Threads:    any number.
#pragma once

#include <filesystem>
#include <optional>

#include "storage/key_value_store.hpp"
#include "storage/records.hpp"

namespace flywheel {

inline constexpr std::size_t snapshots_kept = 2;

// Size and content hash of a file; `path` is stored relative to `folder`. Reads the whole file.
Result<FileRecord> describe_file(const std::filesystem::path& folder,
                                 const std::filesystem::path& path);
// Every file under `folder`, in path order.
Result<std::vector<FileRecord>> describe_folder(const std::filesystem::path& folder);
// corrupt where the file is missing, shorter, longer or of other bytes than recorded.
Result<> verify_file(const std::filesystem::path& folder, const FileRecord& file);

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

  // `path`: the snapshot's file, under home, already fsynced and renamed. Removes what is no longer
  // kept.
  Result<SnapshotRecord> commit_snapshot(RunId run, std::uint64_t step,
                                         const std::filesystem::path& path, Hash128 state_hash,
                                         std::uint64_t created_ms);
  Result<std::vector<SnapshotRecord>> snapshots(RunId run) const;  // by step
  // The newest whose file is there and matches its hash, at or below `step_max`.
  Result<std::optional<SnapshotRecord>> newest_snapshot(RunId run,
                                                        std::uint64_t step_max = UINT64_MAX) const;
  // Forgets snapshots of steps after `step` (their steps were rolled back) and removes their files.
  Result<> drop_snapshots_after(RunId run, std::uint64_t step);

 private:
  KeyValueStore& store_;
  std::filesystem::path home_;
};

}  // namespace flywheel
