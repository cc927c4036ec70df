#include "runtime/sandbox/snapshot_store.hpp"

#include <algorithm>
#include <charconv>

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

std::uint64_t number_of(const std::string& name) {
  std::uint64_t number = 0;
  const std::size_t start = name.find('_') + 1;
  std::from_chars(name.data() + start, name.data() + name.size(), number);
  return number;
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
  next_number_ = std::max(next_number_, number_of(name) + 1);
  const auto text = read_file(folder / "facts.json");
  const auto facts = text ? parse_json(*text, name) : fail(text.error());
  Entry entry;
  entry.facts.name = name;
  entry.layer = (folder / "layer").string();
  if (facts && facts->is_object()) {
    entry.facts.image = facts->value("image", "");
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
  entries_.emplace(name, std::move(entry));
}

Result<std::string> SnapshotStore::create(int changes, const std::string& base,
                                          const std::string& image, std::uint64_t id_base,
                                          bool is_temporary) {
  std::string base_layer;
  Entry entry;
  TreeFigures left{0, file_count_max};
  {
    const std::lock_guard lock{mutex_};
    if (entries_.size() >= count_max_)
      return fail(Failure::resource_exhausted,
                  "snapshot: there are " + std::to_string(count_max_) + " already; remove some");
    if (!base.empty()) base_layer = entries_.at(base).layer;  // in use by the container
    left.size_bytes = bytes_max_ - std::min(bytes_max_, bytes_);
    entry.facts.name = "snap_" + std::to_string(next_number_++);
  }
  const fs::path folder = folder_ / entry.facts.name;
  entry.layer = (folder / "layer").string();
  entry.facts.image = image;
  entry.id_base = id_base;
  entry.user_count = 1;
  entry.is_temporary = is_temporary;
  const auto fill = [&]() -> Result<> {
    std::error_code code;
    fs::create_directories(entry.layer, code);
    FLYWHEEL_TRY(Descriptor layer, open_folder(entry.layer));
    // The layer's own folder is the root that a container sees.
    if (::fchmod(layer.get(), 0755) != 0 ||
        (::fchown(layer.get(), static_cast<::uid_t>(id_base), static_cast<::gid_t>(id_base)) != 0 &&
         id_base != 0))
      return fail(Failure::unavailable, "snapshot: its folder can't be given its owner");
    if (!base_layer.empty()) {
      FLYWHEEL_TRY(Descriptor below, open_folder(base_layer));
      FLYWHEEL_TRY(TreeFigures linked, link_tree(below.get(), layer.get()));
      entry.facts.file_count += linked.file_count;
    }
    FLYWHEEL_TRY(TreeFigures copied, copy_changes(changes, layer.get(), left));
    entry.facts.file_count += copied.file_count;
    entry.facts.size_bytes = copied.size_bytes;
    if (is_temporary) return {};  // without its facts it does not outlive this process
    const Json facts{{"image", image},
                     {"id_base", id_base},
                     {"size_bytes", entry.facts.size_bytes},
                     {"file_count", entry.facts.file_count}};
    return write_file_durably(folder / "facts.json", dump_json(facts));
  };
  if (auto filled = fill(); !filled) {
    std::error_code code;
    fs::remove_all(folder, code);
    return fail(filled.error());
  }
  const std::lock_guard lock{mutex_};
  bytes_ += entry.facts.size_bytes;
  const std::string name = entry.facts.name;
  entries_.emplace(name, std::move(entry));
  return name;
}

Result<SnapshotStore::Entry> SnapshotStore::use(const std::string& name) {
  const std::lock_guard lock{mutex_};
  const auto found = entries_.find(name);
  if (found == entries_.end())
    return fail(Failure::not_found, "snapshot '" + name + "' is unknown");
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
  if (found == entries_.end() || found->second.is_temporary)
    return fail(Failure::not_found, "snapshot '" + name + "' is unknown");
  if (found->second.user_count > 0)
    return fail(Failure::unavailable,
                "snapshot '" + name + "' is in use by a container; delete that first");
  erase(found);
  return {};
}

void SnapshotStore::erase(std::map<std::string, Entry>::iterator entry) {
  bytes_ -= std::min(bytes_, entry->second.facts.size_bytes);
  std::error_code code;
  const fs::path folder = folder_ / entry->first;
  fs::remove(folder / "facts.json", code);  // first: what is left is swept at the next start
  fs::remove_all(folder, code);
  entries_.erase(entry);
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
