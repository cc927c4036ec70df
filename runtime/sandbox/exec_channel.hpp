// ExecChannel is the socket to the supervisor of a command that the zygote started, past the init.
// Its container keeps it until nothing of the command is left, longer than the command and its
// output: were it closed earlier, the supervisor would end what the command left running.
// Internal to runtime/sandbox.
//
// Threads: every function from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "runtime/sandbox/descriptor.hpp"
#include "runtime/sandbox/event_loop.hpp"
#include "runtime/sandbox/exec_core.hpp"

namespace flywheel {

class ExecChannel : public std::enable_shared_from_this<ExecChannel> {
 public:
  ExecChannel(std::shared_ptr<EventLoop> loop, std::weak_ptr<ExecOwner> owner, ExecCore& exec,
              Descriptor socket);
  ~ExecChannel();

  std::uint64_t number() const { return number_; }  // of the command
  void begin();                                     // once the request is sent
  Result<> order(int signal) const;                 // 0 kills all of it
  // All that is left of the command stops or goes on; is_settled() once that is done.
  void order_all(bool stops);
  // Its processes are in the container, and have done what they were ordered to.
  bool is_settled() const { return awaited_count_ == 0; }

 private:
  void on_ready();
  void on_end();

  const std::shared_ptr<EventLoop> loop_;
  const std::weak_ptr<ExecOwner> owner_;
  const std::weak_ptr<ExecCore> exec_;
  const std::uint64_t number_;
  const Descriptor socket_;
  std::mutex mutex_;
  std::uint64_t watch_ = 0;                // with mutex_ held
  std::atomic<bool> has_started_ = false;  // the command is under its supervisor
  std::atomic<int> awaited_count_ = 1;  // answers that are to come: that it started, and of orders
};

}  // namespace flywheel
