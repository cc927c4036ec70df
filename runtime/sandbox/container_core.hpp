// ContainerCore is the host's side of a container. Internal to runtime/sandbox.
//
// Threads: those of Container; on_control() and on_ended() on the loop's thread alone. No lock is
//          held while an observer or an exec is called.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/sandbox/box_message.hpp"
#include "runtime/sandbox/container.hpp"
#include "runtime/sandbox/exec_channel.hpp"
#include "runtime/sandbox/exec_core.hpp"

namespace flywheel {

class HostCore;

// Where a container's files come from and who owns them on the host.
struct ContainerOrigin {
  std::string image{};
  std::string snapshot{};  // empty: none
  std::uint64_t id_base = 0;
  std::vector<std::string> layers{};  // folders of the host, the upper one first
  bool shows_usr = false;
};

class ContainerCore final : public ExecOwner, public std::enable_shared_from_this<ContainerCore> {
 public:
  ContainerCore(std::shared_ptr<HostCore> host, std::uint64_t number, SandboxSpec spec,
                ContainerOrigin origin);
  ~ContainerCore() override;

  // Makes the control socket and watches it; `given` is the init's end.
  Result<> open(Descriptor& given);
  Result<> wait_until_ready(std::chrono::steady_clock::time_point deadline);

  const std::string& id() const { return id_; }
  std::uint64_t number() const { return number_; }
  const SandboxSpec& spec() const { return spec_; }
  const ContainerOrigin& origin() const { return origin_; }
  ContainerState state() const;
  std::string reason() const;

  Result<std::shared_ptr<ExecCore>> start(const ExecSpec& spec, ExecObserver observer);
  Result<> pause();  // (container_pause.cpp)
  Result<> resume();
  Result<ContainerStats> stats();
  Result<BoxPacket> upper_folder();  // its one descriptor is the folder of what was written

  // Work on a file; the packet of the answer brings figures or a descriptor. (container_files.cpp)
  Result<BoxPacket> work_on_file(BoxFileWork work, const std::string& path, std::uint32_t mode,
                                 int descriptor);

  void request_end(ContainerState end, const std::string& reason);  // does not wait
  void wait_until_ended();

  // From the launcher: it could not be made, or nothing of it is left.
  void on_refused(const std::string& why);
  void on_ended(int status, std::uint32_t oom_kill_count);
  void on_launcher_gone();

  // ExecOwner
  Result<> signal_exec(std::uint64_t number, int signal) override;
  bool take_out_of_memory() override;
  void lose_exec(std::uint64_t number, const char* why) override;
  void forget_exec(std::uint64_t number) override;
  void forget_channel(std::uint64_t number) override;
  void on_exec_settled() override;

 private:
  struct Pending {
    bool is_answered = false;
    BoxPacket packet{};
  };

  void on_control();
  void on_packet(BoxPacket& packet);
  void on_control_end();
  void end_with(ContainerState state, const std::string& reason);
  Result<> expect_running() const;  // with mutex_ held
  Result<BoxPacket> ask(BoxMessage kind, const std::string& arguments, int descriptor = -1);
  Result<ExecSpec> complete(ExecSpec spec) const;
  Result<> wait_to_start(std::unique_lock<std::mutex>& lock);
  Result<> hold_commands();  // until release_commands(); waits for those that are on their way
  Result<> await_settled();  // or releases them
  void release_commands();
  Result<> send_exec(const ExecSpec& spec, ExecCore& exec, const int* streams);
  std::shared_ptr<ExecCore> exec(std::uint64_t number) const;
  std::vector<std::shared_ptr<ExecCore>> execs() const;
  std::vector<std::shared_ptr<ExecChannel>> channels() const;
  std::uint32_t oom_kill_count() const;

  const std::shared_ptr<HostCore> host_;
  const std::uint64_t number_;
  const std::string id_;
  const SandboxSpec spec_;
  const ContainerOrigin origin_;
  Descriptor control_{};  // open until the last user is gone, so that it can be used without a lock
  std::uint64_t control_watch_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable has_changed_;
  ContainerState state_ = ContainerState::creating;
  std::string reason_;
  ContainerState requested_state_ = ContainerState::failed;
  std::string requested_reason_;  // empty: nobody asked for its end
  std::map<std::uint64_t, std::shared_ptr<ExecCore>> execs_;
  // Of commands of the zygote, and of what they left running at their end.
  std::map<std::uint64_t, std::shared_ptr<ExecChannel>> channels_;
  std::map<std::uint64_t, Pending> pending_;
  std::size_t sending_count_ = 0;  // of execs whose request is not sent yet
  bool is_held_ = false;           // new execs wait while processes are about to be stopped
  std::uint64_t next_number_ = 1;  // of execs and of requests
  std::chrono::steady_clock::time_point paused_at_{};
  std::uint32_t oom_kill_count_seen_ = 0;
  std::atomic<bool> has_used_zygote_ = false;
};

}  // namespace flywheel
