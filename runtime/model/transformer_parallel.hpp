// parallel_for splits an index range over the threads that LibTorch's operators use, so that our
// own kernels and the library's never compete with two pools.
//
// Guarantees: every index is visited once; what a visit writes must not depend on the split, and
// then
//             results have the same bits for any number of threads.
#pragma once

#include <cstdint>
#include <functional>

namespace flywheel {

// Calls body(begin, end) for parts of [0, count) of at least `grain` indices; returns when all are
// done.
void parallel_for(std::int64_t count, std::int64_t grain,
                  const std::function<void(std::int64_t, std::int64_t)>& body);

// Hands out [0, count) one index at a time to whichever thread is free: for uneven work. Work that
// `is_small` stays on the calling thread.
void parallel_for_each(std::int64_t count, bool is_small,
                       const std::function<void(std::int64_t)>& body);

int parallel_thread_count();

// While it lives, the calling thread's parallel work (LibTorch's too) uses `threads` threads; 0
// leaves the number as it is.
class ThreadLimit {
 public:
  explicit ThreadLimit(int threads);
  ~ThreadLimit();
  ThreadLimit(const ThreadLimit&) = delete;
  ThreadLimit& operator=(const ThreadLimit&) = delete;

 private:
  int before_;
};

}  // namespace flywheel
