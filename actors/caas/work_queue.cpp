#include "actors/caas/work_queue.hpp"

#include <chrono>
#include <exception>
#include <utility>

#include "runtime/base/log.hpp"

namespace flywheel {
namespace {

// One request that runs out of memory, or has a fault, must not take the others with it.
void run_guarded(const WorkQueue::Work& work) {
  try {
    work();
  } catch (const std::exception& error) {
    log_error("containers: a piece of work threw: {}", error.what());
  }
}

}  // namespace

WorkQueue::WorkQueue(std::size_t worker_count, std::size_t waiting_max, Gauge& waiting)
    : waiting_max_(waiting_max), waiting_(waiting) {
  for (std::size_t i = 0; i < worker_count; ++i) workers_.emplace_back([this] { run(); });
}

WorkQueue::~WorkQueue() {
  stop();
}

bool WorkQueue::try_post(Work work) {
  {
    const std::lock_guard lock{mutex_};
    if (is_stopping_ || queue_.size() >= waiting_max_) return false;
    queue_.push_back(std::move(work));
    waiting_.set(static_cast<double>(queue_.size()));
  }
  changed_.notify_one();
  return true;
}

bool WorkQueue::has_room(std::size_t count) {
  const std::lock_guard lock{mutex_};
  return !is_stopping_ && queue_.size() + count <= waiting_max_;
}

void WorkQueue::post(Work work) {
  {
    const std::lock_guard lock{mutex_};
    if (!is_stopping_) {
      queue_.push_back(std::move(work));
      waiting_.set(static_cast<double>(queue_.size()));
      changed_.notify_one();
      return;
    }
  }
  run_guarded(work);
}

void WorkQueue::stop() {
  {
    const std::lock_guard lock{mutex_};
    is_stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& worker : workers_)
    if (worker.joinable()) worker.join();
}

void WorkQueue::run() {
  std::unique_lock lock{mutex_};
  for (;;) {
    changed_.wait_for(lock, std::chrono::seconds{1},
                      [this] { return is_stopping_ || !queue_.empty(); });
    if (queue_.empty() && is_stopping_) return;
    if (queue_.empty()) continue;
    Work work = std::move(queue_.front());
    queue_.pop_front();
    waiting_.set(static_cast<double>(queue_.size()));
    lock.unlock();
    run_guarded(work);
    work = nullptr;  // what it holds goes before the lock comes back
    lock.lock();
  }
}

}  // namespace flywheel
