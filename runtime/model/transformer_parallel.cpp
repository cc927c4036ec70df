#include "runtime/model/transformer_parallel.hpp"

#include <algorithm>
#include <atomic>

#include <omp.h>

namespace flywheel {

void parallel_for(std::int64_t count, std::int64_t grain,
                  const std::function<void(std::int64_t, std::int64_t)>& body) {
  const auto parts_max = (count + grain - 1) / std::max<std::int64_t>(grain, 1);
  const auto parts = std::min<std::int64_t>(parts_max, omp_get_max_threads());
  if (parts <= 1) {
    if (count > 0) body(0, count);
    return;
  }
#pragma omp parallel num_threads(static_cast <int>(omp_get_max_threads()))
  {
    const std::int64_t part = omp_get_thread_num();
    if (part < parts) {
      const auto begin = count * part / parts;
      const auto end = count * (part + 1) / parts;
      if (begin < end) body(begin, end);
    }
  }
}

void parallel_for_each(std::int64_t count, bool is_small,
                       const std::function<void(std::int64_t)>& body) {
  if (is_small || count < 2 || omp_get_max_threads() == 1) {
    for (std::int64_t i = 0; i < count; ++i) body(i);
    return;
  }
  std::atomic<std::int64_t> next{0};
#pragma omp parallel
  {
    for (auto i = next.fetch_add(1); i < count; i = next.fetch_add(1)) body(i);
  }
}

int parallel_thread_count() {
  return omp_get_max_threads();
}

ThreadLimit::ThreadLimit(int threads) : before_(omp_get_max_threads()) {
  if (threads > 0) omp_set_num_threads(threads);
}

ThreadLimit::~ThreadLimit() {
  omp_set_num_threads(before_);
}

}  // namespace flywheel
