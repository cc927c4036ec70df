// What a container tells: its init, and the launcher about it. All of it on the loop's thread.
#include <cerrno>
#include <csignal>

#include <fmt/format.h>
#include <sys/wait.h>

#include "runtime/sandbox/container_core.hpp"
#include "runtime/sandbox/host_core.hpp"

namespace flywheel {

namespace {

constexpr int packets_a_turn = 32;

}  // namespace

void ContainerCore::on_control() {
  BoxPacket packet;
  for (int count = 0; count < packets_a_turn; ++count) {
    const int received = receive_packet(control_.get(), packet);
    if (received < 0 && errno == EAGAIN) return;
    if (received <= 0) return on_control_end();
    on_packet(packet);
    packet.close_all();
  }
}

void ContainerCore::on_packet(BoxPacket& packet) {
  BoxReader message{packet.bytes};
  const BoxMessage kind = message.kind();
  const std::uint64_t number =
      kind == BoxMessage::ready || kind == BoxMessage::failed ? 0 : message.number();
  switch (kind) {
    case BoxMessage::ready: {
      const std::lock_guard lock{mutex_};
      if (state_ == ContainerState::creating) state_ = ContainerState::running;
      has_changed_.notify_all();
      break;
    }
    case BoxMessage::failed:
      request_end(ContainerState::failed, message.text());
      break;
    case BoxMessage::exec_ended:
      if (const auto ended = exec(number)) {
        const auto status = static_cast<int>(message.number32());
        const std::uint64_t cpu_us = message.number();
        ended->ended(status, cpu_us, message.number());
      }
      break;
    case BoxMessage::exec_refused:
      if (const auto refused = exec(number)) {
        const auto code = static_cast<int>(message.number32());
        refused->refused(code, message.text());
      }
      break;
    case BoxMessage::supervisor_gone:
      if (const auto lost = exec(number); lost && !lost->gone("its supervisor was killed"))
        lose_exec(number, "lost its supervisor");
      break;
    case BoxMessage::done: {
      const std::lock_guard lock{mutex_};
      const auto found = pending_.find(number);
      if (found == pending_.end()) break;  // whoever asked has stopped waiting
      found->second.is_answered = true;
      found->second.packet = packet;
      packet.descriptor_count = 0;
      has_changed_.notify_all();
      break;
    }
    default:
      break;
  }
}

void ContainerCore::on_control_end() {
  host_->loop()->unwatch(std::exchange(control_watch_, 0), control_.get());
  std::string reason;
  {
    const std::lock_guard lock{mutex_};
    if (!is_ended(state_)) state_ = ContainerState::stopping;
    reason = requested_reason_.empty() ? "its init ended" : requested_reason_;
    has_changed_.notify_all();
  }
  for (const auto& exec : execs()) exec->gone(reason);
  std::map<std::uint64_t, std::shared_ptr<ExecChannel>> dropped;
  const std::lock_guard lock{mutex_};
  dropped.swap(channels_);
}

void ContainerCore::on_refused(const std::string& why) {
  end_with(ContainerState::failed, why);
}

void ContainerCore::on_ended(int status, std::uint32_t oom_kill_count) {
  if (control_watch_ != 0) on_control();  // what it still said
  std::string reason;
  ContainerState state = ContainerState::failed;
  {
    const std::lock_guard lock{mutex_};
    reason = requested_reason_;
    state = requested_state_;
  }
  const bool is_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  if (reason.empty() && is_killed && oom_kill_count > 0) {
    state = ContainerState::oom_killed;
    reason = fmt::format("its init was killed at the memory limit of {} bytes",
                         spec_.limits.memory_bytes);
  } else if (reason.empty()) {
    state = is_killed ? ContainerState::killed : ContainerState::failed;
    reason = is_killed ? "its init was killed from outside" : "its init ended";
  }
  end_with(state, reason);
}

void ContainerCore::on_launcher_gone() {
  end_with(ContainerState::failed, "flywheel_box, which made it, ended");
}

void ContainerCore::end_with(ContainerState state, const std::string& reason) {
  const auto self = shared_from_this();
  if (control_watch_ != 0) on_control_end();
  host_->forget(*this);  // first: whoever sees the end sees the room that it left
  {
    const std::lock_guard lock{mutex_};
    if (is_ended(state_)) return;
    state_ = state;
    reason_ = reason;
    has_changed_.notify_all();
  }
  host_->announce_end(id_);
}

}  // namespace flywheel
