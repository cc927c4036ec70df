#include "runtime/sandbox/event_loop.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <vector>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include "runtime/base/log.hpp"

namespace flywheel {

namespace {

// Keys of the loop's own descriptors; watches start above.
constexpr std::uint64_t timer_key = 1;
constexpr std::uint64_t wake_key = 2;

// One handler that finds no memory must not end the thread that all containers need.
template <class Handler>
void run_guarded(const Handler& handler) {
  try {
    handler();
  } catch (const std::exception& error) {
    log_error("sandbox: a handler threw: {}", error.what());
  }
}

}  // namespace

EventLoop::~EventLoop() {
  stop();
}

Result<> EventLoop::start() {
  epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
  timer_.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  wake_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  next_key_ = wake_key + 1;
  for (const auto& [descriptor, key] :
       {std::pair{timer_.get(), timer_key}, std::pair{wake_.get(), wake_key}}) {
    epoll_event event{EPOLLIN, {.u64 = key}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) != 0)
      return fail(Failure::unavailable,
                  std::string{"sandbox: no event loop can be made: "} + std::strerror(errno));
  }
  thread_ = std::thread{[this] { serve(); }};
  return {};
}

void EventLoop::stop() {
  {
    const std::lock_guard lock{mutex_};
    is_stopping_ = true;
  }
  if (!thread_.joinable()) return;
  const std::uint64_t one = 1;
  if (::write(wake_.get(), &one, sizeof one) == sizeof one) thread_.join();
}

std::uint64_t EventLoop::watch(int descriptor, std::uint32_t events, OnReady on_ready) {
  const std::lock_guard lock{mutex_};
  const std::uint64_t key = next_key_++;
  epoll_event event{events, {.u64 = key}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) != 0) return 0;
  watches_.emplace(key, std::make_shared<OnReady>(std::move(on_ready)));
  return key;
}

void EventLoop::unwatch(std::uint64_t key, int descriptor) {
  if (key == 0) return;
  std::shared_ptr<OnReady> dropped;  // what it holds may be destroyed only outside of the lock
  const std::lock_guard lock{mutex_};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, descriptor, nullptr);
  const auto found = watches_.find(key);
  if (found == watches_.end()) return;
  dropped = std::move(found->second);
  watches_.erase(found);
}

std::uint64_t EventLoop::at(Time time, OnTime on_time) {
  const std::lock_guard lock{mutex_};
  const std::uint64_t key = next_key_++;
  const auto entry = timers_.emplace(std::pair{time, key}, std::move(on_time)).first;
  timer_times_.emplace(key, time);
  if (entry == timers_.begin()) arm(time);
  return key;
}

void EventLoop::cancel(std::uint64_t timer) {
  OnTime dropped;
  const std::lock_guard lock{mutex_};
  const auto found = timer_times_.find(timer);
  if (found == timer_times_.end()) return;
  const auto entry = timers_.find({found->second, timer});
  dropped = std::move(entry->second);
  timers_.erase(entry);
  timer_times_.erase(found);
}

void EventLoop::arm(Time earliest) const {
  const auto since =
      std::max<std::chrono::nanoseconds>(earliest.time_since_epoch(), std::chrono::nanoseconds{1});
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since);
  const itimerspec when{{0, 0}, {seconds.count(), (since - seconds).count()}};
  ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

void EventLoop::run_due() {
  std::uint64_t expirations = 0;
  if (::read(timer_.get(), &expirations, sizeof expirations) < 0 && errno != EAGAIN) return;
  std::vector<OnTime> due;
  {
    const std::lock_guard lock{mutex_};
    const Time now = std::chrono::steady_clock::now();
    while (!timers_.empty() && timers_.begin()->first.first <= now) {
      due.push_back(std::move(timers_.begin()->second));
      timer_times_.erase(timers_.begin()->first.second);
      timers_.erase(timers_.begin());
    }
    if (!timers_.empty()) arm(timers_.begin()->first.first);
  }
  for (const OnTime& on_time : due) run_guarded([&] { on_time(); });
}

void EventLoop::serve() {
  // A command that has closed its input must not end this program.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  std::array<epoll_event, 64> events;
  for (;;) {
    const int count =
        ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.u64 == timer_key) run_due();
      if (event.data.u64 <= wake_key) continue;
      std::shared_ptr<OnReady> on_ready;
      {
        const std::lock_guard lock{mutex_};
        const auto found = watches_.find(event.data.u64);
        if (found != watches_.end()) on_ready = found->second;
      }
      if (on_ready) run_guarded([&] { (*on_ready)(event.events); });
    }
    const std::lock_guard lock{mutex_};
    if (is_stopping_) return;
  }
}

}  // namespace flywheel
