#include "runtime/system/compute_gate.hpp"

#include <algorithm>

#include "runtime/base/check.hpp"
#include "runtime/base/log.hpp"

namespace flywheel {
namespace {

// Far longer than any micro-batch; past it the holder is stuck and the log says who.
constexpr std::chrono::minutes turn_max{10};

}  // namespace

void ComputeGate::acquire(const std::string& party) {
  std::unique_lock lock{mutex_};
  // A party that was idle must not claim the time it did not use.
  Seconds least{0};
  for (const auto& [name, count] : waiting_)
    if (count > 0) least = std::max(least, used_[name]);
  if (!holder_.empty()) least = std::max(least, used_[holder_]);
  constexpr Seconds head_start{0.5};
  used_[party] = std::max(used_[party], least - head_start);

  ++waiting_[party];
  if (!holder_.empty() || !is_next(party)) {
    const auto wait = waits_.begin(party, {"its turn on the CPU", holder_ + ": end of its turn",
                                           std::chrono::milliseconds{turn_max}});
    while (!released_.wait_for(lock, turn_max, [&] { return holder_.empty() && is_next(party); }))
      log_error("{} has waited {} minutes for the CPU, which {} holds", party, turn_max.count(),
                holder_);
    waits_.end(wait);
  }
  --waiting_[party];
  holder_ = party;
  held_since_ = system_clock().steady_now();
}

void ComputeGate::release(const std::string& party) {
  {
    const std::lock_guard lock{mutex_};
    FLYWHEEL_CHECK(holder_ == party);
    used_[party] += system_clock().steady_now() - held_since_;
    holder_.clear();
  }
  released_.notify_all();
}

bool ComputeGate::is_next(const std::string& party) const {
  const auto used = [&](const std::string& name) {
    const auto found = used_.find(name);
    return found == used_.end() ? Seconds{0} : found->second;
  };
  return std::all_of(waiting_.begin(), waiting_.end(), [&](const auto& other) {
    return other.second == 0 || other.first == party || used(party) <= used(other.first);
  });
}

}  // namespace flywheel
