// Journal remembers what a pipeline has already worked out, so that it goes on where it was killed.
//
// Guarantees: what append() answered is found again, after a crash too; a key that was appended
//             twice is found as it was appended last.
// Threads:    any number at once.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"

namespace flywheel {

struct JournalEntry {
  std::string key{};
  std::string value{};
};

class Journal {
 public:
  virtual ~Journal() = default;

  virtual Result<std::optional<std::string>> find(const std::string& key) = 0;
  virtual Result<> append(const std::vector<JournalEntry>& entries) = 0;  // all, or an error
};

// Remembers until it is destroyed: for tests, and for pipelines that are quicker than a disk.
class MemoryJournal final : public Journal {
 public:
  Result<std::optional<std::string>> find(const std::string& key) override {
    const std::lock_guard lock{mutex_};
    const auto found = values_.find(key);
    if (found == values_.end()) return std::optional<std::string>{};
    return std::optional{found->second};
  }
  Result<> append(const std::vector<JournalEntry>& entries) override {
    const std::lock_guard lock{mutex_};
    for (const JournalEntry& each : entries) values_[each.key] = each.value;
    return {};
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::string> values_;
};

}  // namespace flywheel
