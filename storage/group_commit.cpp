#include "storage/group_commit.hpp"

#include <utility>

namespace flywheel {

GroupCommit::GroupCommit(KeyValueStore& store, std::string mark_key,
                         std::chrono::milliseconds period)
    : store_(store), mark_key_(std::move(mark_key)), period_(period), thread_([this] { run(); }) {}

GroupCommit::~GroupCommit() {
  {
    const std::lock_guard lock{mutex_};
    is_stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void GroupCommit::write(WriteBatch batch, Done done) {
  {
    const std::lock_guard lock{mutex_};
    queue_.push_back({std::move(batch), std::move(done)});
  }
  changed_.notify_one();
}

void GroupCommit::note_buffered() {
  const std::lock_guard lock{mutex_};
  has_buffered_ = true;
}

void GroupCommit::run() {
  std::unique_lock lock{mutex_};
  for (;;) {
    changed_.wait_for(lock, period_, [this] { return is_stopping_ || !queue_.empty(); });
    const bool is_last = is_stopping_;
    std::vector<Entry> entries;
    entries.swap(queue_);
    if (entries.empty() && has_buffered_) {
      entries.emplace_back();
      entries.back().batch.put(mark_key_, {});
    }
    has_buffered_ = false;
    if (!entries.empty()) {
      lock.unlock();
      commit(entries);
      lock.lock();
    }
    if (is_last && queue_.empty()) return;
  }
}

void GroupCommit::commit(const std::vector<Entry>& entries) {
  WriteBatch joined;
  for (const Entry& entry : entries)
    for (const auto& operation : entry.batch.operations())
      operation.is_put ? joined.put(operation.key, operation.value) : joined.erase(operation.key);
  const Result<> outcome = store_.write(joined, Durability::synced);
  for (const Entry& entry : entries)
    if (entry.done) entry.done(outcome);
}

}  // namespace flywheel
