// WaitRegistry knows every outstanding wait: who waits for what, since when, until when, and what
// would release it. `flywheel waits` lists it; a wait that runs out is an error that names all of
// that.
//
// Threads: any.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"

namespace flywheel {

// What a wait is for; `deadline` counts from its start.
struct WaitFor {
  std::string what{};         // "64 rollouts graded for step 3"
  std::string released_by{};  // "Grader: verdicts of 12 rollouts"
  std::chrono::milliseconds deadline{0};
};

struct Wait {
  std::uint64_t id = 0;
  std::string owner{};  // who waits: actor and number
  WaitFor wait_for{};
  WallTime since{};
};

class WaitRegistry {
 public:
  explicit WaitRegistry(const Clock& clock = system_clock()) : clock_(clock) {}

  std::uint64_t begin(std::string owner, WaitFor wait_for);
  void end(std::uint64_t id);

  // Ends the wait and returns the error that names owner, what, since and what would have released
  // it.
  Error expire(std::uint64_t id, const std::string& reason);

  std::vector<Wait> list() const;  // oldest first
  std::uint64_t expired_count() const;

 private:
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::uint64_t, Wait> waits_;
  std::uint64_t last_id_ = 0;
  std::uint64_t expired_count_ = 0;
};

}  // namespace flywheel
