// WorkerPool runs blocking work on a fixed number of threads of its own, so that no actor's
// scheduler thread waits for a sandbox.
//
// Guarantees: at most `queue_max` jobs wait; one more is refused. stop() drops what waits and
//             returns when what runs has ended. Without threads a job runs where it is submitted:
//             for tests that drive the scheduler by hand.
// Threads:    any.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace flywheel {

struct WorkerPoolConfig {
  std::size_t threads = 2;       // 0 = run each job in submit()
  std::size_t queue_max = 1024;  // jobs that wait
};

class WorkerPool {
 public:
  explicit WorkerPool(WorkerPoolConfig config);
  ~WorkerPool() { stop(); }
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // False when the queue is full or the pool was stopped. The job must not throw.
  bool submit(std::function<void()> job);
  void stop();
  std::size_t waiting() const;

 private:
  void work();

  WorkerPoolConfig config_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  bool is_stopped_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace flywheel
