// SandboxHost makes containers and watches over them.
//
//   SandboxHost ──create, end──▶ flywheel_box (launcher) ──clone──▶ init of each container
//        ▲  ▲                        own mounts, cgroups                 │  ▲
//        │  └───────── results, files, end of commands ─────────────────┘  │
//        └──────────── commands and their pipes ───────────────────────────┘
//
// The program has many threads and therefore never forks: flywheel_box, a small program with one
// thread, does. If this process dies, flywheel_box sees it and ends every container; if
// flywheel_box dies, the kernel ends every container, and the next create() starts it again.
//
// Guarantees: no more than `container_count_max` at once; each create() is answered or refused
//             within `create_time_max`; open() sweeps what dead owners left.
// Threads:    every function from any thread; one event thread of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/sandbox/container.hpp"
#include "runtime/sandbox/sandbox_spec.hpp"

namespace flywheel {

struct SandboxHostConfig {
  std::string state_folder{};  // snapshots and mount points; one owner at a time; made if missing
  std::string image_folder{};  // built images, a folder each; empty: `host` only
  std::string box_program{};   // empty: flywheel_box beside or above the running program
  std::uint32_t container_count_max = 4096;
  std::uint32_t snapshot_count_max = 256;  // that are kept; each fork has one while it lives
  // Of all snapshots; those that are kept leave a quarter of it to forks.
  std::uint64_t snapshot_bytes_max = 4ULL << 30;
  std::chrono::milliseconds create_time_max{5'000};
};

enum class CgroupBackend : std::uint8_t { none, v1, v2 };

// What this machine gives, found at open(); people see it in /healthz.
struct SandboxFacts {
  bool is_root = false;  // a range of host ids of its own for each container; else one id
  CgroupBackend cgroups = CgroupBackend::none;
  bool limits_memory = false;  // by cgroup; else by address space of each process
  bool limits_cpu = false;
  bool limits_processes = false;  // by cgroup; always by rlimit
  int landlock_abi = 0;           // 0: not there
  std::string kernel{};
  std::vector<std::string> warnings{};  // what is weaker here than elsewhere, a line each
};

struct SnapshotFacts {
  std::string name{};
  std::string owner{};  // who it was taken for; empty: nobody was named
  std::string image{};
  std::uint64_t size_bytes = 0;
  std::uint32_t file_count = 0;
};

class SandboxHost {
 public:
  static Result<std::unique_ptr<SandboxHost>> open(SandboxHostConfig config);
  virtual ~SandboxHost() = default;  // ends every container

  virtual Result<std::shared_ptr<Container>> create(const SandboxSpec& spec) = 0;
  virtual const SandboxFacts& facts() const = 0;
  virtual std::size_t container_count() const = 0;  // that have not ended

  virtual std::vector<std::string> images() const = 0;  // "host" and the built ones
  virtual std::vector<SnapshotFacts> snapshots() const = 0;
  virtual Result<SnapshotFacts> snapshot(const std::string& name) const = 0;  // not_found
  virtual Result<> remove_snapshot(const std::string& name) = 0;  // refused while in use

  // Called by the event thread when a container has ended by itself or by kill(); must not block.
  virtual void on_container_end(std::function<void(const std::string& id)> callback) = 0;
};

}  // namespace flywheel
