#include "runtime/sandbox/snapshot_store.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <random>

#include <fcntl.h>
#include <sys/stat.h>

#include "runtime/base/file.hpp"
#include "runtime/base/json.hpp"
#include "runtime/sandbox/descriptor.hpp"
#include "runtime/sandbox/tree_copy.hpp"

namespace flywheel {

namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t file_count_max = 1'000'000;  // of one snapshot

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
  return {};
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
    std::error_code code;
    fs::remove_all(folder, code);
    return;
  }
  bytes_ += entry.facts.size_bytes;
  kept_bytes_ += entry.facts.size_bytes;
  ++kept_count_;
  entries_.emplace(name, std::move(entry));
}

Result<TreeFigures> SnapshotStore::room(bool is_temporary) const {
  TreeFigures left{bytes_max_ - std::min(bytes_max_, bytes_), file_count_max};
  if (is_temporary) return left;  // as many as containers that live
  if (kept_count_ >= count_max_)
    return fail(Failure::resource_exhausted,
                "snapshot: there are " + std::to_string(count_max_) + " already; remove some");
  const std::uint64_t kept_max = bytes_max_ - bytes_max_ / 4;
  left.size_bytes = std::min(left.size_bytes, kept_max - std::min(kept_max, kept_bytes_));
  return left;
}

Result<> SnapshotStore::fill(int changes, const std::string& base_layer, const Making& making,
                             TreeFigures left, Entry& entry) const {
  std::error_code code;
  fs::create_directories(entry.layer, code);
  FLYWHEEL_TRY(Descriptor layer, open_folder(entry.layer));
  // The layer's own folder is the root that a container sees.
  const auto owner = static_cast<::uid_t>(making.id_base);
  if (::fchmod(layer.get(), 0755) != 0 ||
      (::fchown(layer.get(), owner, owner) != 0 && making.id_base != 0))
    return fail(Failure::unavailable, "snapshot: its folder can't be given its owner");
  if (!base_layer.empty()) {
    FLYWHEEL_TRY(Descriptor below, open_folder(base_layer));
    FLYWHEEL_TRY(TreeFigures linked, link_tree(below.get(), layer.get()));
    entry.facts.file_count += linked.file_count;
  }
  FLYWHEEL_TRY(TreeFigures copied, copy_changes(changes, layer.get(), left));
  entry.facts.file_count += copied.file_count;
  entry.facts.size_bytes = copied.size_bytes;
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
  TreeFigures left;
  {
    const std::lock_guard lock{mutex_};
    FLYWHEEL_TRY(left, room(making.is_temporary));
    if (!making.base.empty()) base_layer = entries_.at(making.base).layer;  // the container uses it
    entry.facts.name = random_name();
  }
  const fs::path folder = folder_ / entry.facts.name;
  entry.layer = (folder / "layer").string();
  entry.facts.image = making.image;
  entry.facts.owner = making.owner;
  entry.id_base = making.id_base;
  entry.user_count = 1;
  entry.is_temporary = making.is_temporary;
  if (auto filled = fill(changes, base_layer, making, left, entry); !filled) {
    std::error_code code;
    fs::remove_all(folder, code);
    return fail(filled.error());
  }
  const std::lock_guard lock{mutex_};
  bytes_ += entry.facts.size_bytes;
  kept_bytes_ += entry.is_temporary ? 0 : entry.facts.size_bytes;
  kept_count_ += entry.is_temporary ? 0 : 1;
  const std::string name = entry.facts.name;
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
  const std::uint64_t size_bytes = entry->second.facts.size_bytes;
  bytes_ -= std::min(bytes_, size_bytes);
  if (!entry->second.is_temporary) {
    kept_bytes_ -= std::min(kept_bytes_, size_bytes);
    --kept_count_;
  }
  std::error_code code;
  const fs::path folder = folder_ / entry->first;
  fs::remove(folder / "facts.json", code);  // first: what is left is swept at the next start
  fs::remove_all(folder, code);
  entries_.erase(entry);
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
  for (const auto& entry : entries_) all.push_back(entry.second.id_base);
  return all;
}

}  // namespace flywheel
