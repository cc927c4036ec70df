// RunFeed carries what a run shows, from its actors to whoever watches: a terminal, an HTTP stream.
//
// Guarantees: a watcher sees every event once, in order, and the newest snapshot; the last
//             `event_count_max` events are kept for late watchers, older ones are counted as
//             missed.
// Threads:    any.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "actors/commands/progress.hpp"
#include "actors/run_observer.hpp"

namespace flywheel {

struct FeedEvent {
  std::uint64_t number = 0;  // 1 for the first
  std::string kind{};        // "evaluation", "warning", "checkpoint", ...
  std::string message{};     // one line
};

// How far a watcher has read.
struct FeedCursor {
  std::uint64_t event = 0;
  std::uint64_t change = 0;
};

struct FeedView {
  ProgressSnapshot snapshot{};
  std::vector<FeedEvent> events{};      // those after the cursor
  std::optional<RunOutcome> outcome{};  // once the run has ended
};

class RunFeed {
 public:
  static constexpr std::size_t event_count_max = 1000;

  void show(const ProgressSnapshot& snapshot);
  void tell(std::string kind, std::string message);
  void end(RunOutcome outcome);
  bool has_ended() const;

  // What came after the cursor, which moves on; waits up to `patience` for anything new.
  FeedView next(FeedCursor& cursor, std::chrono::milliseconds patience) const;

  // Called, on the thread that brought the news, after each change; quick. Returns the number to
  // give to unwatch().
  std::uint64_t watch(std::function<void()> callback);
  void unwatch(std::uint64_t number);

 private:
  void changed();

  mutable std::mutex mutex_;
  mutable std::condition_variable news_;
  ProgressSnapshot snapshot_{};
  std::deque<FeedEvent> events_;
  std::uint64_t change_count_ = 0;
  std::optional<RunOutcome> outcome_;
  std::map<std::uint64_t, std::function<void()>> watchers_;
  std::uint64_t last_watcher_ = 0;
};

}  // namespace flywheel
