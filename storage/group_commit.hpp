// GroupCommit makes writes durable many at a time: one fsync serves all that wait for it.
//
//   any thread ──write(batch, done)──▶ queue ──▶ its thread: one synced write ──▶ done(outcome)
//   each
//
// Guarantees: done() is called once for every write, in the order of the writes, after the sync;
//             buffered writes that were told by note_buffered() are synced within `period`.
// Threads:    any; done() runs on the commit thread and must not block. The destructor writes what
//             is queued.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "storage/key_value_store.hpp"

namespace flywheel {

class GroupCommit {
 public:
  using Done = std::function<void(const Result<>&)>;

  // `mark_key` is written where only buffered writes of others are to be synced.
  GroupCommit(KeyValueStore& store, std::string mark_key, std::chrono::milliseconds period);
  ~GroupCommit();
  GroupCommit(const GroupCommit&) = delete;
  GroupCommit& operator=(const GroupCommit&) = delete;

  void write(WriteBatch batch, Done done);
  void note_buffered();

 private:
  struct Entry {
    WriteBatch batch{};
    Done done{};
  };

  void run();
  void commit(const std::vector<Entry>& entries);

  KeyValueStore& store_;
  const std::string mark_key_;
  const std::chrono::milliseconds period_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Entry> queue_;
  bool has_buffered_ = false;
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace flywheel
