// MemoryStore is the KeyValueStore of tests: a disk that fails when it is told to.
//
// A test opens a ledger on it, lets the process "die" (crash drops what was not synced), opens
// another ledger on it. The fault points are the ones that real disks have.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "storage/key_value_store.hpp"

namespace flywheel {

class MemoryStore final : public KeyValueStore {
 public:
  using Pairs = std::map<std::string, std::string, std::less<>>;

  struct Faults {
    std::uint64_t failing_write = 0;   // the n-th write from now on fails once; 0 = none
    bool failing_write_lands = false;  // and reaches the disk all the same: only the answer is lost
    std::uint64_t capacity_bytes = std::numeric_limits<std::uint64_t>::max();  // full beyond it
  };

  Result<std::string> get(std::string_view key) const override;
  Result<> scan(std::string_view prefix, const KeyValueVisitor& visit,
                std::string_view from = {}) const override;
  Result<> write(const WriteBatch& batch, Durability durability) override;
  std::unique_ptr<KeyValueReader> snapshot() const override;

  void set_faults(const Faults& faults);

  // Drops the writes since the last synced one, but for the oldest `kept_count` of them.
  void crash(std::size_t kept_count = 0);

  std::uint64_t write_count() const;
  std::uint64_t synced_write_count() const;
  std::size_t unsynced_count() const;

  // Damage, past every check: the value of `key` is another, or gone.
  void overwrite(std::string_view key, std::optional<std::string> value);

 private:
  mutable std::mutex mutex_;
  Pairs seen_;
  Pairs synced_;
  std::vector<WriteBatch> unsynced_;  // what seen_ has and synced_ has not
  Faults faults_;
  std::uint64_t write_count_ = 0;
  std::uint64_t synced_write_count_ = 0;
};

}  // namespace flywheel
