// MemoryStore is the KeyValueStore of tests: a disk that fails when it is told to.
//
//   MemoryDisk (what would survive) ◀── MemoryStore (what a process sees)
//
// A test keeps the disk, opens a store on it, drops the store's unsynced writes (a power cut),
// opens another. The fault points are the ones that real disks have.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "storage/key_value_store.hpp"

namespace flywheel {

class MemoryStore final : public KeyValueStore {
 public:
  using Pairs = std::map<std::string, std::string, std::less<>>;

  struct Faults {
    std::uint64_t failing_write = 0;  // the n-th write from now on fails once; 0 = none
    bool failing_write_lands =
        false;  // the failed write reaches the disk all the same: an answer lost
    std::uint64_t capacity_bytes = std::numeric_limits<std::uint64_t>::max();  // full beyond it
  };

  Result<std::string> get(std::string_view key) const override;
  Result<> scan(std::string_view prefix, const KeyValueVisitor& visit,
                std::string_view from = {}) const override;
  Result<> write(const WriteBatch& batch, Durability durability) override;
  std::unique_ptr<KeyValueReader> snapshot() const override;

  void set_faults(const Faults& faults);
  void crash();  // drops every write since the last synced one
  std::uint64_t write_count() const;
  std::uint64_t synced_write_count() const;

  // Damage: the value of `key` becomes `value`, past every check.
  void overwrite(std::string_view key, std::string value);

 private:
  mutable std::mutex mutex_;
  Pairs seen_;
  Pairs synced_;
  Faults faults_;
  std::uint64_t size_bytes_ = 0;
  std::uint64_t synced_size_bytes_ = 0;
  std::uint64_t write_count_ = 0;
  std::uint64_t synced_write_count_ = 0;
};

}  // namespace flywheel
