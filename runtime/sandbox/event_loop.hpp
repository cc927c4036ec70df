// EventLoop is one thread that waits for descriptors and for points in time.
//
// Guarantees: a handler is called by the loop's thread alone; one descriptor's work never keeps a
//             point in time from being noticed, because handlers do a bounded piece of work at
//             once.
// Threads:    every function from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "runtime/base/result.hpp"
#include "runtime/sandbox/descriptor.hpp"

namespace flywheel {

class EventLoop {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using OnReady = std::function<void(std::uint32_t events)>;  // EPOLLIN and so on
  using OnTime = std::function<void()>;

  EventLoop() = default;
  ~EventLoop();

  Result<> start();
  void stop();  // no handler is called afterwards; not from a handler

  // The key of the watch; 0 if the kernel refuses. The descriptor stays the caller's, who removes
  // the watch before closing it.
  std::uint64_t watch(int descriptor, std::uint32_t events, OnReady on_ready);
  void unwatch(std::uint64_t key, int descriptor);

  // The key of the timer, for cancel().
  std::uint64_t at(Time time, OnTime on_time);
  void cancel(std::uint64_t timer);

  bool is_current_thread() const { return std::this_thread::get_id() == thread_.get_id(); }

 private:
  void serve();
  void run_due();
  void arm(Time earliest) const;

  Descriptor epoll_{};
  Descriptor timer_{};
  Descriptor wake_{};
  std::mutex mutex_;
  std::unordered_map<std::uint64_t, std::shared_ptr<OnReady>> watches_;
  std::map<std::pair<Time, std::uint64_t>, OnTime> timers_;
  std::unordered_map<std::uint64_t, Time> timer_times_;
  std::uint64_t next_key_ = 1;
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace flywheel
