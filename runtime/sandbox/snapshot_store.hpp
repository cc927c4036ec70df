// SnapshotStore keeps files of containers as read-only layers: one folder a snapshot, one layer
// each, so a container never lies on more than its image and one snapshot.
//
//   snapshots/snap_N/layer/      what differs from the image, in an overlay's own form
//   snapshots/snap_N/facts.json  image, owner of the files on the host, size
//
// Guarantees: a snapshot is there whole or not at all; one in use is not removed; all together stay
//             within the bounds. What a snapshot shares with the one it came from is stored once.
// Threads:    every function from any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/sandbox/sandbox_host.hpp"

namespace flywheel {

class SnapshotStore {
 public:
  struct Entry {
    SnapshotFacts facts{};
    std::uint64_t id_base = 0;  // host id of id 0 of the containers whose files these are
    std::string layer{};        // folder
    int user_count = 0;
    bool is_temporary = false;  // goes with its last user
  };

  Result<> open(const std::filesystem::path& folder, std::uint32_t count_max,
                std::uint64_t bytes_max);

  // Keeps the upper folder open at `changes`, on top of the snapshot `base` unless it is empty.
  // The new one is in use once.
  Result<std::string> create(int changes, const std::string& base, const std::string& image,
                             std::uint64_t id_base, bool is_temporary);
  Result<Entry> use(const std::string& name);
  void release(const std::string& name);  // one use
  Result<> remove(const std::string& name);

  std::vector<SnapshotFacts> list() const;
  std::vector<std::uint64_t> id_bases() const;  // of all: not to be given to others

 private:
  void load(const std::filesystem::path& folder);
  void erase(std::map<std::string, Entry>::iterator entry);

  std::filesystem::path folder_;
  std::uint32_t count_max_ = 0;
  std::uint64_t bytes_max_ = 0;
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;
  std::uint64_t bytes_ = 0;
  std::uint64_t next_number_ = 1;
};

}  // namespace flywheel
