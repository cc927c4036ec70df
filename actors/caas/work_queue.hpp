// WorkQueue is a few threads for calls that block, so that IO threads never do.
//
//   IO thread ──try_post──▶ queue (bounded) ──▶ worker        full: refused, the client comes back
//   event thread ──post───▶ the same queue, beyond its bound: only for the end of what was let in
//
// Guarantees: work is begun in the order of posting; the destructor runs what is queued; what
//             throws is logged.
// Threads:    any.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/base/metrics.hpp"

namespace flywheel {

class WorkQueue {
 public:
  using Work = std::function<void()>;

  WorkQueue(std::size_t worker_count, std::size_t waiting_max, Gauge& waiting);
  ~WorkQueue();
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  bool try_post(Work work);  // false: the queue is full
  bool has_room(std::size_t count);
  void post(Work work);  // the caller bounds how many there can be
  void stop();           // runs what is queued, then ends the threads; later work runs inline

 private:
  void run();

  const std::size_t waiting_max_;
  Gauge& waiting_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Work> queue_;
  bool is_stopping_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace flywheel
