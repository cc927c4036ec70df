// ExecCore is the host's side of a command: its pipes, its deadlines, its result.
// Internal to runtime/sandbox.
//
// Guarantees: on_end is called once, on the loop's thread, after every output; every wait is
//             bounded because a command that can't be killed costs its container.
// Threads:    those of Exec; ended(), refused() and gone() on the loop's thread alone.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "runtime/sandbox/descriptor.hpp"
#include "runtime/sandbox/event_loop.hpp"
#include "runtime/sandbox/exec.hpp"
#include "runtime/sandbox/output_keeper.hpp"

namespace flywheel {

// What a command needs of its container; the container outlives its commands.
class ExecOwner {
 public:
  virtual ~ExecOwner() = default;
  virtual Result<> signal_exec(std::uint64_t number, int signal) = 0;  // 0 kills all of it
  virtual bool take_out_of_memory() = 0;  // whether the kernel killed at the limit since last asked
  // It can't be watched or killed any more: the container must go.
  virtual void lose_exec(std::uint64_t number, const char* why) = 0;
  virtual void forget_exec(std::uint64_t number) = 0;  // it ended
  // Of the zygote's: nothing is left of a command; one of them has done what was awaited.
  virtual void forget_channel(std::uint64_t number) = 0;
  virtual void on_exec_settled() = 0;
};

class ExecChannel;

class ExecCore final : public Exec, public std::enable_shared_from_this<ExecCore> {
 public:
  ExecCore(std::shared_ptr<EventLoop> loop, std::weak_ptr<ExecOwner> owner, std::uint64_t number,
           ExecSpec spec, ExecObserver observer);
  ~ExecCore() override;

  // Makes the pipes; `given` are the ends for the command, which the caller closes once sent.
  Result<> open(int null_file, std::array<Descriptor, 3>& given);
  void use_channel(std::shared_ptr<ExecChannel> channel) { channel_ = std::move(channel); }
  void begin();  // once the request is sent: watches pipes and deadlines

  void ended(int status, std::uint64_t cpu_us, std::uint64_t memory_bytes_max);
  void refused(int code, const std::string& what);
  // Its supervisor or its container is no more. False if nothing had asked for its end.
  bool gone(const std::string& reason);
  void pause();  // time does not run against it until resume()
  void resume(std::chrono::steady_clock::duration paused);

  std::uint64_t number() const override { return number_; }
  ExecResult wait() override;
  bool has_ended() const override;
  ExecChunk read(ExecStream stream, std::uint64_t offset, std::size_t bytes_max) const override;
  Result<> write_input(std::string_view bytes) override;
  void close_input() override;
  Result<> send_signal(int signal) override;
  void cancel() override;

 private:
  struct Stream {
    explicit Stream(std::size_t bytes_max) : kept(bytes_max) {}
    Descriptor pipe{};
    std::uint64_t watch = 0;
    OutputKeeper kept;
  };
  using Time = EventLoop::Time;

  void on_output(ExecStream which, int reads_max);
  void on_input_room();
  void on_time();
  void request_end(ExecEnd end);  // with mutex_ held
  Result<> order(int signal) const;
  void watch_input();       // with mutex_ held
  void close_input_pipe();  // with mutex_ held
  void close_stream(Stream& stream);
  void arm();  // with mutex_ held
  void finish(ExecEnd end, int exit_code, int signal, std::string error);
  Stream& stream_of(ExecStream which) { return which == ExecStream::output ? output_ : error_; }

  const std::shared_ptr<EventLoop> loop_;  // people may keep this longer than the host
  const std::weak_ptr<ExecOwner> owner_;
  const std::uint64_t number_;
  const ExecSpec spec_;
  ExecObserver observer_;

  mutable std::mutex mutex_;
  std::condition_variable has_ended_;
  Stream output_;
  Stream error_;
  Descriptor input_{};
  std::uint64_t input_watch_ = 0;
  // Of a command of the zygote; set before begin(), so that it can be used without the lock.
  std::shared_ptr<ExecChannel> channel_{};
  std::string input_waiting_;
  std::size_t input_written_ = 0;  // of it: what comes first is not moved for each write
  bool closes_input_ = false;      // once input_waiting_ is written
  Time started_{};
  Time deadline_{};
  Time last_output_{};
  std::uint64_t timer_ = 0;
  bool is_paused_ = false;
  ExecEnd requested_end_ = ExecEnd::exited;  // exited: nothing was requested
  bool is_ended_ = false;
  ExecResult outcome_{};
};

}  // namespace flywheel
