#include "runtime/sandbox/snapshot_store.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <random>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>

#include "runtime/base/file.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/log.hpp"
#include "runtime/sandbox/descriptor.hpp"
#include "runtime/sandbox/tree_copy.hpp"

namespace flywheel {

namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t file_count_max = 1'000'000;   // of one snapshot
constexpr std::chrono::minutes idle_wait{1};          // nothing came: looks again
constexpr std::chrono::seconds removal_time_max{10};  // that a new one waits for the room of others

Result<Descriptor> open_folder(const fs::path& path) {
  Descriptor folder{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!folder) return fail(Failure::unavailable, path.string() + ": can't be opened");
  return folder;
}

std::string random_name() {
  std::random_device random;
  std::string name = "snap_";
  for (int word = 0; word < 4; ++word) {
    std::array<char, 9> digits{};
    std::snprintf(digits.data(), digits.size(), "%08x", static_cast<unsigned>(random()));
    name += digits.data();
  }
  return name;
}

// Containers of an ordinary user can close their folders to it as well; it owns them.
void open_to_owner(const fs::path& folder) {
  std::error_code code;
  fs::permissions(folder, fs::perms::owner_all, fs::perm_options::add, code);
  for (const auto& entry : fs::directory_iterator{folder, code})
    if (entry.symlink_status(code).type() == fs::file_type::directory) open_to_owner(entry.path());
}

bool remove_folder(const fs::path& folder) {
  std::error_code code;
  fs::remove_all(folder, code);
  if (!code) return true;
  open_to_owner(folder);
  fs::remove_all(folder, code);
  if (code)
    log_warning("snapshot: {} can't be removed: {}; it goes when the service starts next",
                folder.string(), code.message());
  return !code;
}

Error unknown(const std::string& name) {
  return {Failure::not_found, "snapshot '" + name + "' is unknown"};
}

}  // namespace

Result<> SnapshotStore::open(const fs::path& folder, std::uint32_t count_max,
                             std::uint64_t bytes_max) {
  folder_ = folder;
  count_max_ = count_max;
  bytes_max_ = bytes_max;
  std::error_code code;
  fs::create_directories(folder_, code);
  for (const auto& entry : fs::directory_iterator{folder_, code}) load(entry.path());
  if (code) return fail(Failure::unavailable, folder_.string() + ": " + code.message());
  sweeper_ = std::thread{[this] { sweep(); }};
  return {};
}

void SnapshotStore::close() {
  {
    const std::lock_guard lock{mutex_};
    is_closing_ = true;
    has_leaving_.notify_all();
  }
  if (sweeper_.joinable()) sweeper_.join();
}

void SnapshotStore::load(const fs::path& folder) {
  const std::string name = folder.filename().string();
  const auto text = read_file(folder / "facts.json");
  const auto facts = text ? parse_json(*text, name) : fail(text.error());
  Entry entry;
  entry.facts.name = name;
  entry.layer = (folder / "layer").string();
  if (facts && facts->is_object()) {
    entry.facts.image = facts->value("image", "");
    entry.facts.owner = facts->value("owner", "");
    entry.facts.size_bytes = facts->value("size_bytes", std::uint64_t{0});
    entry.facts.file_count = facts->value("file_count", std::uint32_t{0});
    entry.id_base = facts->value("id_base", std::uint64_t{0});
  }
  if (entry.facts.image.empty()) {  // its making, or its removal, was cut short
    remove_folder(folder);
    return;
  }
  bytes_ += entry.facts.size_bytes;
  kept_bytes_ += entry.facts.size_bytes;
  ++kept_count_;
  entries_.emplace(name, std::move(entry));
}

// Asked for each piece, so that those that are made at one time share what is left. What is being
// removed still takes room: where that matters, it is waited for.
bool SnapshotStore::take(std::uint64_t size_bytes, bool is_temporary) {
  const std::uint64_t kept_max = bytes_max_ - bytes_max_ / 4;
  const auto fits = [&] {
    return bytes_ + size_bytes <= bytes_max_ &&
           (is_temporary || kept_bytes_ + size_bytes <= kept_max);
  };
  std::unique_lock lock{mutex_};
  has_left_.wait_for(lock, removal_time_max, [&] { return fits() || leaving_.empty(); });
  if (!fits()) return false;
  bytes_ += size_bytes;
  kept_bytes_ += is_temporary ? 0 : size_bytes;
  return true;
}

void SnapshotStore::give_back(std::uint64_t size_bytes, bool is_temporary) {
  bytes_ -= std::min(bytes_, size_bytes);
  if (!is_temporary) kept_bytes_ -= std::min(kept_bytes_, size_bytes);
}

Result<> SnapshotStore::fill(int changes, const std::string& base_layer, const Making& making,
                             Entry& entry, std::uint64_t& taken) {
  std::error_code code;
  fs::create_directories(entry.layer, code);
  FLYWHEEL_TRY(Descriptor layer, open_folder(entry.layer));
  // The layer's own folder is the root that a container sees.
  const auto owner = static_cast<::uid_t>(making.id_base);
  if (::fchmod(layer.get(), 0755) != 0 ||
      (::fchown(layer.get(), owner, owner) != 0 && making.id_base != 0))
    return fail(Failure::unavailable, "snapshot: its folder can't be given its owner");
  const TreeRoom room{file_count_max, [&](std::uint64_t size_bytes) {
                        if (!take(size_bytes, making.is_temporary)) return false;
                        taken += size_bytes;
                        return true;
                      }};
  TreeFigures tree;
  if (!base_layer.empty()) {
    FLYWHEEL_TRY(Descriptor below, open_folder(base_layer));
    FLYWHEEL_TRY(tree, link_tree(below.get(), layer.get(), file_count_max));
    // A temporary one mostly goes before what it came from, which counts the bytes already.
    const bool has_room =
        making.is_temporary ? tree.size_bytes <= bytes_max_ : room.take(tree.size_bytes);
    if (!has_room)
      return fail(Failure::resource_exhausted,
                  "snapshot: no room left for all snapshots together; remove some");
  }
  FLYWHEEL_TRY_VOID(copy_changes(changes, layer.get(), room, tree));
  entry.facts.file_count = tree.file_count;
  entry.facts.size_bytes = making.is_temporary ? taken : tree.size_bytes;
  if (making.is_temporary) return {};  // without its facts it does not outlive this process
  const Json facts{{"owner", making.owner},
                   {"image", making.image},
                   {"id_base", making.id_base},
                   {"size_bytes", entry.facts.size_bytes},
                   {"file_count", entry.facts.file_count}};
  return write_file_durably(folder_ / entry.facts.name / "facts.json", dump_json(facts));
}

Result<std::string> SnapshotStore::create(int changes, const Making& making) {
  std::string base_layer;
  Entry entry;
  entry.facts.name = random_name();
  entry.facts.image = making.image;
  entry.facts.owner = making.owner;
  entry.id_base = making.id_base;
  entry.layer = (folder_ / entry.facts.name / "layer").string();
  entry.user_count = 1;
  entry.is_temporary = making.is_temporary;
  const std::uint32_t kept_count = making.is_temporary ? 0 : 1;  // of forks: as many as live
  {
    const std::lock_guard lock{mutex_};
    if (kept_count > 0 && kept_count_ >= count_max_)
      return fail(Failure::resource_exhausted,
                  "snapshot: there are " + std::to_string(count_max_) + " already; remove some");
    if (!making.base.empty()) {
      const auto base = entries_.find(making.base);
      if (base == entries_.end()) return fail(unknown(making.base));  // its container ended
      ++base->second.user_count;
      base_layer = base->second.layer;
    }
    kept_count_ += kept_count;
  }
  std::uint64_t taken = 0;
  const auto filled = fill(changes, base_layer, making, entry, taken);
  if (!making.base.empty()) release(making.base);
  const std::lock_guard lock{mutex_};
  if (!filled) {
    kept_count_ -= kept_count;
    discard({folder_ / entry.facts.name, taken, making.is_temporary});
    return fail(filled.error());
  }
  give_back(taken - entry.facts.size_bytes, making.is_temporary);  // what it replaced of the base
  std::string name = entry.facts.name;
  entries_.emplace(name, std::move(entry));
  return name;
}

Result<SnapshotStore::Entry> SnapshotStore::use(const std::string& name) {
  const std::lock_guard lock{mutex_};
  const auto found = entries_.find(name);
  if (found == entries_.end()) return fail(unknown(name));
  ++found->second.user_count;
  return found->second;
}

void SnapshotStore::release(const std::string& name) {
  const std::lock_guard lock{mutex_};
  const auto found = entries_.find(name);
  if (found == entries_.end()) return;
  --found->second.user_count;
  if (found->second.user_count == 0 && found->second.is_temporary) erase(found);
}

Result<> SnapshotStore::remove(const std::string& name) {
  const std::lock_guard lock{mutex_};
  const auto found = entries_.find(name);
  if (found == entries_.end() || found->second.is_temporary) return fail(unknown(name));
  if (found->second.user_count > 0)
    return fail(Failure::unavailable,
                "snapshot '" + name + "' is in use by a container; delete that first");
  erase(found);
  return {};
}

void SnapshotStore::erase(std::map<std::string, Entry>::iterator entry) {
  const Entry& erased = entry->second;
  if (!erased.is_temporary) --kept_count_;
  discard({folder_ / entry->first, erased.facts.size_bytes, erased.is_temporary});
  entries_.erase(entry);
}

void SnapshotStore::discard(Leaving leaving) {
  std::error_code code;
  fs::remove(leaving.folder / "facts.json", code);  // without it the next start takes it away
  leaving_.push_back(std::move(leaving));
  has_leaving_.notify_all();
}

// Millions of files may be in a folder: whoever removes a snapshot waits for none of them.
void SnapshotStore::sweep() {
  std::unique_lock lock{mutex_};
  for (;;) {
    has_leaving_.wait_for(lock, idle_wait, [this] { return is_closing_ || !leaving_.empty(); });
    if (leaving_.empty() && is_closing_) return;
    if (leaving_.empty()) continue;
    const Leaving leaving = leaving_.front();
    lock.unlock();
    const bool is_gone = remove_folder(leaving.folder);
    lock.lock();
    leaving_.pop_front();
    if (is_gone) give_back(leaving.size_bytes, leaving.is_temporary);
    has_left_.notify_all();
  }
}

Result<SnapshotFacts> SnapshotStore::facts(const std::string& name) const {
  const std::lock_guard lock{mutex_};
  const auto found = entries_.find(name);
  if (found == entries_.end() || found->second.is_temporary) return fail(unknown(name));
  return found->second.facts;
}

std::vector<SnapshotFacts> SnapshotStore::list() const {
  const std::lock_guard lock{mutex_};
  std::vector<SnapshotFacts> all;
  for (const auto& entry : entries_)
    if (!entry.second.is_temporary) all.push_back(entry.second.facts);
  return all;
}

std::vector<std::uint64_t> SnapshotStore::id_bases() const {
  const std::lock_guard lock{mutex_};
  std::vector<std::uint64_t> all;
  all.reserve(entries_.size());
  for (const auto& entry : entries_) all.push_back(entry.second.id_base);
  return all;
}

}  // namespace flywheel
