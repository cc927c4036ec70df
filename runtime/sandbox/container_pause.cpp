// Pause and resume of a container. Threads: any.
#include <algorithm>

#include "runtime/sandbox/container_core.hpp"
#include "runtime/sandbox/host_core.hpp"

namespace flywheel {

namespace {

constexpr std::chrono::seconds settle_time_max{5};  // that commands have to begin or stand still

}  // namespace

// What stops the processes of a container reaches those that are there: whatever was let in before
// has to be among them, and nothing may come meanwhile. The init does in order what it is asked,
// so that a request that was sent is enough; the zygote starts commands past the init.
Result<> ContainerCore::hold_commands() {
  {
    std::unique_lock lock{mutex_};
    FLYWHEEL_TRY_VOID(wait_to_start(lock));
    is_held_ = true;
  }
  return await_settled();
}

Result<> ContainerCore::await_settled() {
  std::unique_lock lock{mutex_};
  const bool is_settled = has_changed_.wait_for(lock, settle_time_max, [this] {
    return state_ != ContainerState::running ||
           (sending_count_ == 0 &&
            std::all_of(channels_.begin(), channels_.end(),
                        [](const auto& each) { return each.second->is_settled(); }));
  });
  if (is_settled && state_ == ContainerState::running) return {};
  is_held_ = false;
  has_changed_.notify_all();
  if (!is_settled)
    return fail(Failure::deadline_exceeded,
                id_ + ": a command did not begin or stand still in 5 s; come back");
  return expect_running();
}

void ContainerCore::release_commands() {
  const std::lock_guard lock{mutex_};
  is_held_ = false;
  has_changed_.notify_all();
}

void ContainerCore::on_exec_settled() {
  const std::lock_guard lock{mutex_};
  if (is_held_) has_changed_.notify_all();
}

Result<> ContainerCore::pause() {
  FLYWHEEL_TRY_VOID(hold_commands());
  // Landlock keeps signals in the domain of each: the init does not reach what the zygote started.
  if (host_->facts().landlock_abi >= 6) {
    for (const auto& channel : channels()) channel->order_all(true);
    if (auto stopped = await_settled(); !stopped) {
      for (const auto& channel : channels()) channel->order_all(false);
      return stopped;
    }
  }
  const auto answered = ask(BoxMessage::pause, {});
  {
    const std::lock_guard lock{mutex_};
    if (answered && state_ == ContainerState::running) {
      state_ = ContainerState::paused;
      paused_at_ = std::chrono::steady_clock::now();
    }
  }
  release_commands();
  if (!answered) return fail(answered.error());
  if (state() != ContainerState::paused)
    return fail(Failure::unavailable, id_ + ": it ended meanwhile");
  for (const auto& exec : execs()) exec->pause();
  return {};
}

Result<> ContainerCore::resume() {
  {
    const std::lock_guard lock{mutex_};
    if (state_ != ContainerState::paused)
      return fail(Failure::invalid_argument, id_ + ": it is " + to_string(state_) + ", not paused");
  }
  FLYWHEEL_TRY(BoxPacket packet, ask(BoxMessage::resume, {}));
  std::chrono::steady_clock::duration paused{0};
  {
    const std::lock_guard lock{mutex_};
    if (state_ != ContainerState::paused) return {};
    state_ = ContainerState::running;
    paused = std::chrono::steady_clock::now() - paused_at_;
  }
  if (host_->facts().landlock_abi >= 6)
    for (const auto& channel : channels()) channel->order_all(false);
  for (const auto& exec : execs()) exec->resume(paused);
  return {};
}

}  // namespace flywheel
