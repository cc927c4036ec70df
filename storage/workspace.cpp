#include "storage/workspace.hpp"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>
#include <fstream>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "runtime/base/check.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/durable_file.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/hash.hpp"
#include "runtime/base/log.hpp"
#include "storage/rocksdb_store.hpp"

namespace flywheel {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view format_prefix = "flywheel workspace format ";
constexpr std::size_t socket_path_bytes_max = 100;  // sockaddr_un holds 107

// Someone who only asks who the owner is holds the lock for an instant: try again before refusing.
constexpr int lock_attempts = 10;
constexpr std::chrono::milliseconds lock_pause{10};

// One spelling for all processes: links resolved, absolute also where it is not there yet.
fs::path canonical_home(const fs::path& home) {
  std::error_code code;
  const fs::path canonical = fs::weakly_canonical(fs::absolute(home, code), code);
  if (code) return home;
  return canonical.has_filename() ? canonical : canonical.parent_path();
}

std::string utc_now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(system_clock().now());
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text, size};
}

std::string read_descriptor(int descriptor) {
  char text[256];
  const ssize_t size = ::pread(descriptor, text, sizeof text, 0);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string{};
}

WorkspaceOwner parse_owner(const std::string& text) {
  WorkspaceOwner owner;
  std::istringstream lines{text};
  std::string word;
  while (lines >> word) {
    if (word == "pid") lines >> owner.process_id;
    if (word == "started") lines >> owner.started_at;
  }
  return owner;
}

// Nothing where the workspace is new; else its version, or why it can't be read.
Result<std::optional<int>> read_format(const fs::path& home) {
  std::ifstream file{home / "FORMAT"};
  if (!file) return std::optional<int>{};
  std::string line;
  std::getline(file, line);
  int version = 0;
  const std::string_view digits =
      std::string_view{line}.substr(std::min(line.size(), format_prefix.size()));
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), version);
  if (!line.starts_with(format_prefix) || code != std::errc{} ||
      end != digits.data() + digits.size() || version < 1)
    return fail(Failure::corrupt,
                fmt::format("{} is damaged: it should say '{}{}'; restore it from a copy",
                            (home / "FORMAT").string(), format_prefix, workspace_format_version));
  if (version > workspace_format_version)
    return fail(Failure::too_new,
                fmt::format("the workspace {} has format {}, this program reads up to {}: use the "
                            "newer flywheel that wrote it, or another --home",
                            home.string(), version, workspace_format_version));
  return std::optional<int>{version};
}

// A folder without FORMAT may become a workspace only if nothing of anyone's is in it.
Result<> check_is_ours(const fs::path& home) {
  std::error_code code;
  if (fs::exists(home / "db", code) || fs::exists(home / "runs", code))
    return fail(Failure::corrupt, fmt::format("the workspace {} has lost its FORMAT file: restore "
                                              "it from a copy; what is there is untouched",
                                              home.string()));
  for (const auto& entry : fs::directory_iterator{home, code}) {
    const auto name = entry.path().filename().string();
    if (name != "owner.lock" && name != "FORMAT.tmp")
      return fail(Failure::invalid_input,
                  fmt::format("{} holds something else ('{}') and is no workspace: choose an empty "
                              "or new folder as --home",
                              home.string(), name));
  }
  if (code)
    return fail(Failure::permission_denied,
                fmt::format("can't list {}: {}", home.string(), code.message()));
  return {};
}

Result<> make_folder(const fs::path& folder) {
  std::error_code code;
  fs::create_directories(folder, code);
  if (code)
    return fail(code == std::errc::no_space_on_device ? Failure::resource_exhausted
                                                      : Failure::permission_denied,
                fmt::format("can't make the folder {}: {}", folder.string(), code.message()));
  return {};
}

struct Lock {
  int descriptor = -1;
  bool was_left = false;  // its last holder never gave it back
};

Result<Lock> take_lock(const fs::path& home) {
  const fs::path path = home / "owner.lock";
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0)
    return fail(Failure::permission_denied,
                fmt::format("can't open {}: {}", path.string(), std::strerror(errno)));
  for (int attempt = 0; ::flock(descriptor, LOCK_EX | LOCK_NB) != 0; ++attempt) {
    if (attempt + 1 < lock_attempts) {
      std::this_thread::sleep_for(lock_pause);
      continue;
    }
    const WorkspaceOwner owner = parse_owner(read_descriptor(descriptor));
    ::close(descriptor);
    return fail(
        Failure::already_exists,
        fmt::format("the workspace {} is in use by process {} since {}: talk to it over {}, "
                    "or stop it",
                    home.string(), owner.process_id, owner.started_at,
                    Workspace::socket_path_of(home).string()));
  }
  Lock lock{descriptor, !read_descriptor(descriptor).empty()};
  const std::string text = fmt::format("pid {}\nstarted {}\n", ::getpid(), utc_now());
  if (::ftruncate(descriptor, 0) != 0 ||
      ::pwrite(descriptor, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    const int code = errno;
    ::close(descriptor);
    return fail(code == ENOSPC ? Failure::resource_exhausted : Failure::permission_denied,
                fmt::format("can't write {}: {}", path.string(), std::strerror(code)));
  }
  return lock;
}

// A database that has vanished under runs that are there is a loss to report, not a new workspace.
Result<> check_database_is_there(const fs::path& home, bool is_new) {
  std::error_code code;
  const bool has_runs = fs::exists(home / "runs") && !fs::is_empty(home / "runs", code);
  if (is_new || !has_runs || fs::exists(home / "db" / "CURRENT")) return {};
  return fail(Failure::corrupt,
              fmt::format("the workspace {} has runs but no database in db/: restore db/ from a "
                          "copy; what is there is untouched",
                          home.string()));
}

}  // namespace

Workspace::Workspace(WorkspaceConfig config, int lock_descriptor, bool took_over)
    : config_(std::move(config)), lock_descriptor_(lock_descriptor), took_over_(took_over) {}

Result<std::unique_ptr<Workspace>> Workspace::open(const WorkspaceConfig& config) {
  const fs::path& home = config.home;
  std::error_code code;
  if (!config.create_if_missing && !fs::exists(home / "FORMAT", code))
    return fail(Failure::not_found,
                fmt::format("there is no workspace in {}: start a run first, or "
                            "name another --home",
                            home.string()));
  FLYWHEEL_TRY_VOID(make_folder(home));
  FLYWHEEL_TRY(std::optional<int> format, read_format(home));
  if (!format) FLYWHEEL_TRY_VOID(check_is_ours(home));
  FLYWHEEL_TRY(const Lock lock, take_lock(home));
  WorkspaceConfig settled = config;
  settled.home = canonical_home(home);
  std::unique_ptr<Workspace> workspace{new Workspace{settled, lock.descriptor, lock.was_left}};

  FLYWHEEL_TRY_VOID(workspace->check_free_space(config.free_bytes_min));
  FLYWHEEL_TRY(format, read_format(home));  // another may have made it while we waited
  FLYWHEEL_TRY_VOID(check_database_is_there(home, !format));
  if (!format)
    FLYWHEEL_TRY_VOID(write_file_durably(
        home / "FORMAT", fmt::format("{}{}\n", format_prefix, workspace_format_version)));
  for (const char* folder : {"db", "runs", "checkpoints"})
    FLYWHEEL_TRY_VOID(make_folder(home / folder));
  fs::remove(workspace->socket_path(), code);  // a dead owner's
  FLYWHEEL_TRY(workspace->store_,
               open_rocksdb_store({.folder = (home / "db").string(),
                                   .block_cache_bytes = config.block_cache_bytes,
                                   .write_buffer_bytes = config.write_buffer_bytes}));
  if (lock.was_left) log_warning("took over {}: its last owner died", home.string());
  return workspace;
}

Workspace::~Workspace() {
  store_.reset();
  std::error_code code;
  fs::remove(socket_path(), code);
  if (::ftruncate(lock_descriptor_, 0) != 0)
    log_warning("can't clear {}", (config_.home / "owner.lock").string());
  ::close(lock_descriptor_);
}

std::optional<WorkspaceOwner> Workspace::owner_of(const fs::path& home) {
  const int descriptor = ::open((home / "owner.lock").c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return std::nullopt;
  std::optional<WorkspaceOwner> owner;
  if (::flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    owner = parse_owner(read_descriptor(descriptor));
  ::close(descriptor);
  return owner;
}

fs::path Workspace::socket_path_of(const fs::path& home) {
  const fs::path canonical = canonical_home(home);
  fs::path path = canonical / "owner.sock";
  if (path.string().size() <= socket_path_bytes_max) return path;
  std::error_code code;
  const Hash128 hash = hash_text(canonical.string());
  return fs::temp_directory_path(code) / ("flywheel-" + to_string(hash) + ".sock");
}

fs::path Workspace::run_folder(RunId run) const {
  return config_.home / "runs" / to_string(run);
}
fs::path Workspace::snapshot_folder(RunId run) const {
  return run_folder(run) / "snapshots";
}
fs::path Workspace::checkpoint_folder(CheckpointId checkpoint) const {
  return config_.home / "checkpoints" / to_string(checkpoint);
}
fs::path Workspace::relative_to_home(const fs::path& path) const {
  return path.lexically_relative(config_.home);
}

Result<fs::path> Workspace::create_run_folder(RunId run, const std::string& spec_text) const {
  FLYWHEEL_TRY_VOID(make_folder(snapshot_folder(run)));
  fs::path folder = run_folder(run);
  FLYWHEEL_TRY_VOID(write_file_durably(folder / "spec.yaml", spec_text));
  FLYWHEEL_TRY_VOID(sync_path((config_.home / "runs").string()));
  return folder;
}

Result<> Workspace::check_free_space(std::uint64_t bytes_min) const {
  struct statvfs disk {};
  if (::statvfs(config_.home.c_str(), &disk) != 0)
    return fail(Failure::unavailable, fmt::format("can't ask for the free space of {}: {}",
                                                  config_.home.string(), std::strerror(errno)));
  const std::uint64_t free_bytes = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
  if (free_bytes >= bytes_min) return {};
  return fail(Failure::resource_exhausted,
              fmt::format("the disk of {} has {} MiB free, {} MiB are needed: free some space or "
                          "name another --home",
                          config_.home.string(), free_bytes >> 20, bytes_min >> 20));
}

}  // namespace flywheel
