#include "storage/memory_store.hpp"

#include <fmt/format.h>

namespace flywheel {
namespace {

using Pairs = MemoryStore::Pairs;

Result<std::string> get_from(const Pairs& pairs, std::string_view key) {
  const auto found = pairs.find(key);
  if (found == pairs.end()) return fail(Failure::not_found, "the key is not stored");
  return found->second;
}

void scan_in(const Pairs& pairs, std::string_view prefix, const KeyValueVisitor& visit,
             std::string_view from) {
  for (auto at = pairs.lower_bound(std::max(prefix, from));
       at != pairs.end() && at->first.starts_with(prefix); ++at)
    if (!visit(at->first, at->second)) return;
}

void apply_to(Pairs& pairs, const WriteBatch& batch) {
  for (const auto& operation : batch.operations())
    if (operation.is_put)
      pairs[operation.key] = operation.value;
    else
      pairs.erase(operation.key);
}

std::uint64_t size_of(const Pairs& pairs) {
  std::uint64_t bytes = 0;
  for (const auto& [key, value] : pairs) bytes += key.size() + value.size();
  return bytes;
}

class MemorySnapshot final : public KeyValueReader {
 public:
  explicit MemorySnapshot(Pairs pairs) : pairs_(std::move(pairs)) {}

  Result<std::string> get(std::string_view key) const override { return get_from(pairs_, key); }
  Result<> scan(std::string_view prefix, const KeyValueVisitor& visit,
                std::string_view from) const override {
    scan_in(pairs_, prefix, visit, from);
    return {};
  }

 private:
  Pairs pairs_;
};

}  // namespace

Result<std::string> MemoryStore::get(std::string_view key) const {
  const std::lock_guard lock{mutex_};
  return get_from(seen_, key);
}

Result<> MemoryStore::scan(std::string_view prefix, const KeyValueVisitor& visit,
                           std::string_view from) const {
  Pairs found;  // a visitor may call the store
  {
    const std::lock_guard lock{mutex_};
    const KeyValueVisitor collect = [&](std::string_view key, std::string_view value) {
      found.emplace_hint(found.end(), key, value);
      return true;
    };
    scan_in(seen_, prefix, collect, from);
  }
  scan_in(found, {}, visit, {});
  return {};
}

Result<> MemoryStore::write(const WriteBatch& batch, Durability durability) {
  const std::lock_guard lock{mutex_};
  ++write_count_;
  if (durability == Durability::synced) ++synced_write_count_;
  const bool is_bounded = faults_.capacity_bytes != Faults{}.capacity_bytes;
  if (is_bounded && size_of(seen_) + batch.size_bytes() > faults_.capacity_bytes)
    return fail(Failure::resource_exhausted, "the disk is full: free some space");
  const bool fails = faults_.failing_write == 1;
  if (faults_.failing_write > 0) --faults_.failing_write;
  if (!fails || faults_.failing_write_lands) {
    apply_to(seen_, batch);
    unsynced_.push_back(batch);
    if (durability == Durability::synced) {
      for (const WriteBatch& each : unsynced_) apply_to(synced_, each);
      unsynced_.clear();
    }
  }
  if (fails) return fail(Failure::unavailable, "the disk does not answer: try again");
  return {};
}

std::unique_ptr<KeyValueReader> MemoryStore::snapshot() const {
  const std::lock_guard lock{mutex_};
  return std::make_unique<MemorySnapshot>(seen_);
}

void MemoryStore::set_faults(const Faults& faults) {
  const std::lock_guard lock{mutex_};
  faults_ = faults;
}

void MemoryStore::crash(std::size_t kept_count) {
  const std::lock_guard lock{mutex_};
  for (std::size_t i = 0; i < std::min(kept_count, unsynced_.size()); ++i)
    apply_to(synced_, unsynced_[i]);
  unsynced_.clear();
  seen_ = synced_;
}

std::uint64_t MemoryStore::write_count() const {
  const std::lock_guard lock{mutex_};
  return write_count_;
}

std::uint64_t MemoryStore::synced_write_count() const {
  const std::lock_guard lock{mutex_};
  return synced_write_count_;
}

std::size_t MemoryStore::unsynced_count() const {
  const std::lock_guard lock{mutex_};
  return unsynced_.size();
}

void MemoryStore::overwrite(std::string_view key, std::optional<std::string> value) {
  const std::lock_guard lock{mutex_};
  for (Pairs* pairs : {&seen_, &synced_}) {
    if (value)
      (*pairs)[std::string{key}] = *value;
    else
      pairs->erase(std::string{key});
  }
}

}  // namespace flywheel
