#include "runtime/inference/thread_team.hpp"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "runtime/base/check.hpp"

namespace flywheel {
namespace {

constexpr std::uint64_t index_mask = 0xffffffff;
constexpr int spins_before_sleep = 4000;

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

// `ticket` holds the loop's number in its high half and the next index in its low half. A thread
// takes a piece by moving the ticket on; a ticket of all ones below is closed. Fields are written
// only while the ticket is closed, so a thread that read fields of another loop fails to move the
// ticket.
struct ThreadTeam::State {
  alignas(64) std::atomic<std::uint64_t> ticket{index_mask};
  alignas(64) std::atomic<Call> call{nullptr};
  std::atomic<void*> context{nullptr};
  std::atomic<std::int64_t> count{0};
  std::atomic<std::int64_t> grain{1};
  alignas(64) std::atomic<std::int64_t> done{0};
  alignas(64) std::atomic<std::uint32_t> wake{0};
  std::atomic<int> sleeping{0};
  std::atomic<bool> stopping{false};
  std::vector<std::thread> threads;

  bool take_piece();
  void work();
};

// True if a piece was found and run.
bool ThreadTeam::State::take_piece() {
  std::uint64_t now = ticket.load(std::memory_order_acquire);
  const auto index = static_cast<std::int64_t>(now & index_mask);
  if (now % (index_mask + 1) == index_mask) return false;
  const Call run_call = call.load(std::memory_order_acquire);
  void* const run_context = context.load(std::memory_order_acquire);
  const std::int64_t run_count = count.load(std::memory_order_acquire);
  const std::int64_t run_grain = grain.load(std::memory_order_acquire);
  if (index >= run_count) return false;
  const std::int64_t end = std::min(index + run_grain, run_count);
  const std::uint64_t next = (now & ~index_mask) | static_cast<std::uint64_t>(end);
  if (!ticket.compare_exchange_strong(now, next, std::memory_order_acq_rel)) return true;
  run_call(run_context, index, end);
  done.fetch_add(end - index, std::memory_order_release);
  return true;
}

void ThreadTeam::State::work() {
  int idle = 0;
  while (!stopping.load(std::memory_order_acquire)) {
    const std::uint32_t seen = wake.load(std::memory_order_acquire);
    if (take_piece()) {
      idle = 0;
    } else if (++idle < spins_before_sleep) {
      relax();
    } else {
      sleeping.fetch_add(1, std::memory_order_seq_cst);
      wake.wait(seen, std::memory_order_seq_cst);
      sleeping.fetch_sub(1, std::memory_order_seq_cst);
      idle = 0;
    }
  }
}

ThreadTeam::ThreadTeam(int threads) : state_(std::make_unique<State>()) {
  if (threads <= 0) threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  for (int i = 1; i < threads; ++i)
    state_->threads.emplace_back([state = state_.get()] { state->work(); });
}

ThreadTeam::~ThreadTeam() {
  state_->stopping.store(true, std::memory_order_seq_cst);
  state_->wake.fetch_add(1, std::memory_order_seq_cst);
  state_->wake.notify_all();
  for (std::thread& thread : state_->threads) thread.join();
}

int ThreadTeam::size() const {
  return static_cast<int>(state_->threads.size()) + 1;
}

void ThreadTeam::run(std::int64_t count, std::int64_t grain, Call call, void* context) {
  if (count <= 0) return;
  State& state = *state_;
  if (count <= grain || state.threads.empty()) return call(context, 0, count);
  FLYWHEEL_CHECK(count < static_cast<std::int64_t>(index_mask));

  const std::uint64_t loop = (state.ticket.load(std::memory_order_relaxed) | index_mask) + 1;
  state.ticket.store(loop | index_mask, std::memory_order_seq_cst);
  state.call.store(call, std::memory_order_release);
  state.context.store(context, std::memory_order_release);
  state.count.store(count, std::memory_order_release);
  state.grain.store(grain, std::memory_order_release);
  state.done.store(0, std::memory_order_release);
  state.ticket.store(loop, std::memory_order_seq_cst);
  // The number moves before sleepers are counted: a thread about to sleep sees it, or is counted.
  state.wake.fetch_add(1, std::memory_order_seq_cst);
  if (state.sleeping.load(std::memory_order_seq_cst) > 0) state.wake.notify_all();

  while (state.take_piece()) {
  }
  for (int spins = 0; state.done.load(std::memory_order_acquire) < count; ++spins) {
    if (spins < spins_before_sleep)
      relax();
    else
      std::this_thread::yield();
  }
}

}  // namespace flywheel
