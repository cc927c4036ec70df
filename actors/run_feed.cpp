#include "actors/run_feed.hpp"

#include <utility>

namespace flywheel {

void RunFeed::show(const ProgressSnapshot& snapshot) {
  {
    const std::lock_guard lock{mutex_};
    snapshot_ = snapshot;
    ++change_count_;
  }
  changed();
}

void RunFeed::tell(std::string kind, std::string message) {
  {
    const std::lock_guard lock{mutex_};
    const std::uint64_t number = events_.empty() ? 1 : events_.back().number + 1;
    events_.push_back({number, std::move(kind), std::move(message)});
    if (events_.size() > event_count_max) events_.pop_front();
    ++change_count_;
  }
  changed();
}

void RunFeed::end(RunOutcome outcome) {
  {
    const std::lock_guard lock{mutex_};
    outcome_ = std::move(outcome);
    ++change_count_;
  }
  changed();
}

bool RunFeed::has_ended() const {
  const std::lock_guard lock{mutex_};
  return outcome_.has_value();
}

void RunFeed::changed() {
  news_.notify_all();
  std::vector<std::function<void()>> callbacks;
  {
    const std::lock_guard lock{mutex_};
    for (const auto& [number, callback] : watchers_) callbacks.push_back(callback);
  }
  for (const auto& callback : callbacks) callback();
}

FeedView RunFeed::next(FeedCursor& cursor, std::chrono::milliseconds patience) const {
  std::unique_lock lock{mutex_};
  news_.wait_for(lock, patience, [&] { return change_count_ != cursor.change || outcome_; });
  FeedView view{.snapshot = snapshot_, .outcome = outcome_};
  for (const FeedEvent& event : events_)
    if (event.number > cursor.event) view.events.push_back(event);
  cursor.change = change_count_;
  if (!events_.empty()) cursor.event = events_.back().number;
  return view;
}

std::uint64_t RunFeed::watch(std::function<void()> callback) {
  const std::lock_guard lock{mutex_};
  watchers_.emplace(++last_watcher_, std::move(callback));
  return last_watcher_;
}

void RunFeed::unwatch(std::uint64_t number) {
  const std::lock_guard lock{mutex_};
  watchers_.erase(number);
}

}  // namespace flywheel
