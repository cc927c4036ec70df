#include "runtime/system/worker_pool.hpp"

#include <chrono>
#include <utility>

namespace flywheel {
namespace {

constexpr std::chrono::minutes idle_wait{1};  // nothing came: looks again

}  // namespace

WorkerPool::WorkerPool(WorkerPoolConfig config) : config_(config) {
  for (std::size_t i = 0; i < config_.threads; ++i) threads_.emplace_back([this] { work(); });
}

bool WorkerPool::submit(std::function<void()> job) {
  if (config_.threads == 0) {
    job();
    return true;
  }
  {
    const std::lock_guard lock{mutex_};
    if (is_stopped_ || jobs_.size() >= config_.queue_max) return false;
    jobs_.push_back(std::move(job));
  }
  changed_.notify_one();
  return true;
}

void WorkerPool::stop() {
  std::deque<std::function<void()>> dropped;  // ended outside of the lock: they may hold handles
  {
    const std::lock_guard lock{mutex_};
    is_stopped_ = true;
    dropped.swap(jobs_);
  }
  changed_.notify_all();
  for (auto& thread : threads_)
    if (thread.joinable()) thread.join();
}

std::size_t WorkerPool::waiting() const {
  const std::lock_guard lock{mutex_};
  return jobs_.size();
}

void WorkerPool::work() {
  for (;;) {
    std::function<void()> job;
    {
      std::unique_lock lock{mutex_};
      changed_.wait_for(lock, idle_wait, [this] { return is_stopped_ || !jobs_.empty(); });
      if (is_stopped_) return;
      if (jobs_.empty()) continue;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

}  // namespace flywheel
