// ComputeGate shares the CPU's cores between a sampler and a learner: whoever computes holds all
// cores, and they take turns, so that neither slows the other by fighting for caches and barriers,
// and the thread count of each (which fixes the bits of its sums) never changes.
//
// Fair by time: when several wait, the one that has computed least so far goes first.
// Threads: any; acquire() blocks the calling thread, so only actors with a thread of their own use
// it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>

#include "runtime/system/waits.hpp"

namespace flywheel {

class ComputeGate {
 public:
  explicit ComputeGate(WaitRegistry& waits) : waits_(waits) {}

  // Holds the cores until it goes out of scope.
  class Turn {
   public:
    Turn(ComputeGate& gate, const std::string& party) : gate_(gate), party_(party) {
      gate_.acquire(party_);
    }
    ~Turn() { gate_.release(party_); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    // Lets others go first if they are due, between two pieces of work.
    void yield() {
      gate_.release(party_);
      gate_.acquire(party_);
    }

   private:
    ComputeGate& gate_;
    const std::string party_;
  };

 private:
  using Seconds = std::chrono::duration<double>;

  void acquire(const std::string& party);
  void release(const std::string& party);
  bool is_next(const std::string& party) const;

  WaitRegistry& waits_;
  std::mutex mutex_;
  std::condition_variable released_;
  std::string holder_;
  SteadyTime held_since_{};
  std::map<std::string, Seconds> used_;  // by party, levelled when one comes back from idling
  std::map<std::string, int> waiting_;
};

}  // namespace flywheel
