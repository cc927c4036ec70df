#include "runtime/sandbox/exec_channel.hpp"

#include <cstring>
#include <utility>

#include <sys/epoll.h>

#include "runtime/sandbox/box_message.hpp"
#include "runtime/sandbox/box_orders.hpp"

namespace flywheel {

ExecChannel::ExecChannel(std::shared_ptr<EventLoop> loop, std::weak_ptr<ExecOwner> owner,
                         ExecCore& exec, Descriptor socket)
    : loop_(std::move(loop)),
      owner_(std::move(owner)),
      exec_(exec.weak_from_this()),
      number_(exec.number()),
      socket_(std::move(socket)) {}

ExecChannel::~ExecChannel() {
  loop_->unwatch(watch_, socket_.get());
}

void ExecChannel::begin() {
  const std::lock_guard lock{mutex_};
  // Weak: the loop and this would keep each other.
  watch_ = loop_->watch(socket_.get(), EPOLLIN, [weak = weak_from_this()](std::uint32_t) {
    if (const auto self = weak.lock()) self->on_ready();
  });
}

void ExecChannel::on_ready() {
  BoxPacket packet;
  if (receive_packet(socket_.get(), packet) <= 0) return on_end();
  BoxReader message{packet.bytes};
  const BoxMessage kind = message.kind();
  message.number();
  if (kind == BoxMessage::exec_started) {
    has_started_ = true;
    --awaited_count_;
    if (const auto owner = owner_.lock()) owner->on_exec_settled();
  } else if (const auto exec = exec_.lock()) {
    const auto code = static_cast<int>(message.number32());
    if (kind == BoxMessage::exec_refused) exec->refused(code, message.text());
    if (kind == BoxMessage::exec_ended) {
      const std::uint64_t cpu_us = message.number();
      exec->ended(code, cpu_us, message.number());
    }
  }
  packet.close_all();
}

void ExecChannel::on_end() {
  {
    const std::lock_guard lock{mutex_};
    loop_->unwatch(std::exchange(watch_, 0), socket_.get());
  }
  const auto owner = owner_.lock();
  if (const auto exec = exec_.lock(); exec && !exec->has_ended()) {
    if (!has_started_)
      exec->refused(ECHILD, "start it from the Python zygote");  // which went away with the request
    else if (!exec->gone("its supervisor was killed") && owner)
      owner->lose_exec(number_, "lost its supervisor");
  }
  if (owner) owner->forget_channel(number_);
}

Result<> ExecChannel::order(int signal) const {
  const BoxWriter request = BoxWriter{BoxMessage::exec_signal}.number(number_).number32(
      static_cast<std::uint32_t>(signal));
  const int code = send_packet(socket_.get(), request.bytes());
  if (code == 0) return {};
  return fail(Failure::unavailable,
              std::string{"exec: its supervisor can't be reached: "} + std::strerror(code));
}

void ExecChannel::order_all(bool stops) {
  ++awaited_count_;
  if (!order(stops ? box_stop_all : box_continue_all)) --awaited_count_;
}

}  // namespace flywheel
