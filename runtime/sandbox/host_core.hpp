// HostCore is the mechanism behind SandboxHost; containers keep it alive. Internal to
// runtime/sandbox.
//
// Threads: every function from any thread, but those that say otherwise.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <sys/types.h>

#include "runtime/sandbox/container_core.hpp"
#include "runtime/sandbox/descriptor.hpp"
#include "runtime/sandbox/event_loop.hpp"
#include "runtime/sandbox/image_store.hpp"
#include "runtime/sandbox/sandbox_host.hpp"
#include "runtime/sandbox/snapshot_store.hpp"

namespace flywheel {

class HostCore : public std::enable_shared_from_this<HostCore> {
 public:
  explicit HostCore(SandboxHostConfig config) : config_(std::move(config)) {}

  Result<> open();
  void close();  // ends every container, then the launcher and the loop

  Result<std::shared_ptr<ContainerCore>> create(const SandboxSpec& spec);
  // Keeps its files; a temporary snapshot goes with its last user. The caller is a user of it.
  Result<std::string> snapshot(ContainerCore& container, bool is_temporary,
                               const std::string& owner);

  const SandboxHostConfig& config() const { return config_; }
  const SandboxFacts& facts() const { return facts_; }
  std::size_t container_count() const;
  const std::shared_ptr<EventLoop>& loop() const { return loop_; }
  ImageStore& images() { return images_; }
  SnapshotStore& snapshots() { return snapshots_; }
  int null_file() const { return null_file_.get(); }

  void end_container(std::uint64_t number);  // asks the launcher
  // 0, or errno: EPIPE where there is no launcher now.
  int send_to_launcher(const std::string& bytes, const int* descriptors,
                       std::size_t descriptor_count);
  void on_container_end(std::function<void(const std::string&)> callback);
  void forget(const ContainerCore& container);  // on the loop's thread, as the next
  void announce_end(const std::string& id) const;

  // The folder of a container's cgroup in one hierarchy; empty where there is none.
  struct Groups {
    std::string memory{};
    std::string cpu_usage{};
    std::string pids{};
  };
  Groups groups_of(const std::string& id) const;

 private:
  Result<> prepare_folders();
  Result<> start_launcher();  // (launcher_process.cpp), with launcher_mutex_ held, as all of it
  Result<> await_launch();
  Result<> make_filters();
  void on_launcher();
  void on_launcher_packet(BoxPacket& packet);
  void on_launcher_end();
  Result<> check(const SandboxSpec& spec) const;
  Result<ContainerOrigin> origin_of(const SandboxSpec& spec);
  Result<> send_create(const ContainerCore& container, int control);
  std::shared_ptr<ContainerCore> container(std::uint64_t number) const;

  const SandboxHostConfig config_;
  SandboxFacts facts_{};
  const std::shared_ptr<EventLoop> loop_ = std::make_shared<EventLoop>();
  ImageStore images_;
  SnapshotStore snapshots_;
  Descriptor null_file_{};
  Descriptor lock_file_{};
  Descriptor filter_closed_{};
  Descriptor filter_loopback_{};

  std::mutex launcher_mutex_;
  Descriptor launcher_{};
  std::uint64_t launcher_watch_ = 0;
  pid_t launcher_process_ = -1;
  std::chrono::steady_clock::time_point launched_at_{};
  Groups groups_{};

  mutable std::mutex mutex_;
  std::condition_variable has_changed_;
  std::map<std::uint64_t, std::shared_ptr<ContainerCore>> containers_;
  std::function<void(const std::string&)> on_end_;
  std::uint64_t next_number_ = 1;
  std::uint64_t next_id_range_ = 0;
  bool is_closing_ = false;
};

}  // namespace flywheel
