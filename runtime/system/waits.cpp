#include "runtime/system/waits.hpp"

#include <fmt/format.h>

namespace flywheel {

std::uint64_t WaitRegistry::begin(std::string owner, WaitFor wait_for) {
  const std::lock_guard lock{mutex_};
  const std::uint64_t id = ++last_id_;
  waits_.emplace(id, Wait{id, std::move(owner), std::move(wait_for), clock_.now()});
  return id;
}

void WaitRegistry::end(std::uint64_t id) {
  const std::lock_guard lock{mutex_};
  waits_.erase(id);
}

Error WaitRegistry::expire(std::uint64_t id, const std::string& reason) {
  const std::lock_guard lock{mutex_};
  const auto found = waits_.find(id);
  if (found == waits_.end()) return {Failure::internal, "a wait ended twice: " + reason};
  const Wait& wait = found->second;
  const double waited_seconds = std::chrono::duration<double>(clock_.now() - wait.since).count();
  Error error{
      Failure::deadline_exceeded,
      fmt::format("{} waited {:.1f} s for {} ({}); it would have been released by {}", wait.owner,
                  waited_seconds, wait.wait_for.what, reason, wait.wait_for.released_by)};
  waits_.erase(found);
  ++expired_count_;
  return error;
}

std::vector<Wait> WaitRegistry::list() const {
  const std::lock_guard lock{mutex_};
  std::vector<Wait> waits;
  waits.reserve(waits_.size());
  for (const auto& [id, wait] : waits_) waits.push_back(wait);
  return waits;
}

std::uint64_t WaitRegistry::expired_count() const {
  const std::lock_guard lock{mutex_};
  return expired_count_;
}

}  // namespace flywheel
