// SnapshotStore keeps files of containers as read-only layers: one folder a snapshot, one layer
// each, so a container never lies on more than its image and one snapshot.
//
//   snapshots/snap_X/layer/      what differs from the image, in an overlay's own form
//   snapshots/snap_X/facts.json  owner, image, owner of the files on the host, size
//
// Guarantees: a snapshot is there whole or not at all; one in use is not removed; all together stay
//             within the bounds, and those that are kept leave a quarter of the bytes to the
//             temporary ones of forks; a name is 128 random bits. What a snapshot shares with the
//             one it came from is stored once; a kept one counts it all the same, because it holds
//             it when the other goes. Removing takes no longer for a million files than for one:
//             the folder goes later, and counts until then.
// Threads:    every function from any thread; one of its own, which removes folders.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/sandbox/sandbox_host.hpp"
#include "runtime/sandbox/tree_copy.hpp"

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

  ~SnapshotStore() { close(); }

  Result<> open(const std::filesystem::path& folder, std::uint32_t count_max,
                std::uint64_t bytes_max);
  void close();  // once what was removed is gone; what is released later goes at the next open()

  struct Making {
    std::string base{};  // the snapshot that it lies on; empty: none
    std::string image{};
    std::uint64_t id_base = 0;
    bool is_temporary = false;
    std::string owner{};
  };
  // Keeps the upper folder open at `changes`. The new one is in use once.
  Result<std::string> create(int changes, const Making& making);
  Result<Entry> use(const std::string& name);
  void release(const std::string& name);  // one use
  Result<> remove(const std::string& name);

  Result<SnapshotFacts> facts(const std::string& name) const;  // of one that is kept; not_found
  std::vector<SnapshotFacts> list() const;
  std::vector<std::uint64_t> id_bases() const;  // of all: not to be given to others

 private:
  // A folder that is to go, and what it counts until then.
  struct Leaving {
    std::filesystem::path folder{};
    std::uint64_t size_bytes = 0;
    bool is_temporary = false;
  };

  void load(const std::filesystem::path& folder);
  // Asks take(); `taken` is what it was given, also where it fails.
  Result<> fill(int changes, const std::string& base_layer, const Making& making, Entry& entry,
                std::uint64_t& taken);
  bool take(std::uint64_t size_bytes, bool is_temporary);       // false: there is no room
  void give_back(std::uint64_t size_bytes, bool is_temporary);  // with mutex_ held, as the next
  void erase(std::map<std::string, Entry>::iterator entry);
  void discard(Leaving leaving);
  void sweep();  // the thread

  std::filesystem::path folder_;
  std::uint32_t count_max_ = 0;
  std::uint64_t bytes_max_ = 0;
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;
  std::condition_variable has_left_;     // a folder is gone
  std::condition_variable has_leaving_;  // or the store closes
  std::deque<Leaving> leaving_;          // the first is being removed
  bool is_closing_ = false;
  std::thread sweeper_;
  std::uint64_t bytes_ = 0;       // of all, those that are being made or removed among them
  std::uint64_t kept_bytes_ = 0;  // of those that are not temporary
  std::uint32_t kept_count_ = 0;  // and those that are being made
};

}  // namespace flywheel
