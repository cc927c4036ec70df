// Clock is where time enters: the system's, or one that a test moves by hand.
#pragma once

#include <chrono>

namespace flywheel {

using WallTime = std::chrono::system_clock::time_point;
using SteadyTime = std::chrono::steady_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime now() const = 0;
  virtual SteadyTime steady_now() const = 0;
};

class SystemClock final : public Clock {
 public:
  WallTime now() const override { return std::chrono::system_clock::now(); }
  SteadyTime steady_now() const override { return std::chrono::steady_clock::now(); }
};

// The one system clock, for what is not simulated.
inline const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

class ManualClock final : public Clock {
 public:
  WallTime now() const override { return WallTime{} + elapsed_; }
  SteadyTime steady_now() const override { return SteadyTime{} + elapsed_; }
  void advance(std::chrono::milliseconds by) { elapsed_ += by; }

 private:
  std::chrono::milliseconds elapsed_{1'700'000'000'000};
};

}  // namespace flywheel
