// Workspace is the folder (`--home`, default ./.flywheel) that holds everything that survives, and
// the right of one process to use it.
//
//   HOME/ FORMAT          version of the layout and of the records, one line
//         owner.lock      flock of the owner; its pid and start time inside
//         owner.sock      where the owner answers everyone else over HTTP
//         db/             RocksDB
//         runs/RUN/       spec.yaml report.html snapshots/, log where it was started as owner
//         checkpoints/    published checkpoints, one folder each
//
// Guarantees: at most one living owner; a dead owner's lock is taken over; what a newer version
// wrote
//             is refused untouched.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "runtime/base/id.hpp"
#include "storage/key_value_store.hpp"

namespace flywheel {

inline constexpr int workspace_format_version = 1;

struct WorkspaceConfig {
  std::filesystem::path home = ".flywheel";
  std::uint64_t free_bytes_min = 256ULL << 20;  // less free space than this is refused at start
  std::uint64_t block_cache_bytes = 64ULL << 20;
  std::uint64_t write_buffer_bytes = 16ULL << 20;
  bool create_if_missing = true;  // false: not_found where there is no workspace
};

struct WorkspaceOwner {
  std::int64_t process_id = 0;
  std::string started_at{};  // UTC, ISO 8601
};

class Workspace {
 public:
  // Takes the lock and opens the database. Errors, each one line that names the folder:
  // already_exists (a living owner: its pid and socket), too_new, corrupt, resource_exhausted (free
  // space), invalid_input (a folder of something else), permission_denied, not_found.
  static Result<std::unique_ptr<Workspace>> open(const WorkspaceConfig& config);

  // The living owner of a workspace, if there is one; opens nothing.
  static std::optional<WorkspaceOwner> owner_of(const std::filesystem::path& home);
  // The same however `home` is spelled and from wherever it is asked.
  static std::filesystem::path socket_path_of(const std::filesystem::path& home);

  ~Workspace();  // closes the database, removes the socket, gives the lock back
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  KeyValueStore& store() { return *store_; }
  const KeyValueStore& store() const { return *store_; }
  const std::filesystem::path& home() const { return config_.home; }  // canonical
  bool took_over() const { return took_over_; }  // the last owner died without closing

  std::filesystem::path socket_path() const { return socket_path_of(config_.home); }
  std::filesystem::path run_folder(RunId run) const;
  std::filesystem::path snapshot_folder(RunId run) const;
  std::filesystem::path checkpoint_folder(CheckpointId checkpoint) const;
  std::filesystem::path relative_to_home(const std::filesystem::path& path) const;

  // Makes runs/RUN/ with snapshots/ and writes spec.yaml (atomic, fsynced).
  Result<std::filesystem::path> create_run_folder(RunId run, const std::string& spec_text) const;

  // resource_exhausted when less is free.
  Result<> check_free_space(std::uint64_t bytes_min) const;

 private:
  Workspace(WorkspaceConfig config, int lock_descriptor, bool took_over);

  WorkspaceConfig config_;
  int lock_descriptor_ = -1;
  bool took_over_ = false;
  std::unique_ptr<KeyValueStore> store_;
};

}  // namespace flywheel
