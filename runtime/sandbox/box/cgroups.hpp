// Cgroups limits memory, CPU and processes of containers with what this machine has.
// Internal to flywheel_box.
//
// Each launcher has a folder `flywheel_box/PID-START` in each hierarchy; what is left in such a
// folder after its launcher died is swept by the next launcher.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

#include "runtime/sandbox/box/box.hpp"

namespace flywheel {

struct CellGroups {
  std::string memory{};  // folders; empty where not limited
  std::string cpu{};
  std::string cpu_usage{};  // cpuacct of v1, else the same as cpu
  std::string pids{};
  std::vector<std::string> all{};  // each once
};

class Cgroups {
 public:
  // Finds the hierarchies that can be written to, and sweeps. Never fails: there may be none.
  void open();
  void close();  // removes this launcher's folders, which must be empty

  int version() const { return version_; }  // 0: none
  bool limits_memory() const { return !own_.memory.empty(); }
  const CellGroups& folders() const { return own_; }  // of this launcher: parents of containers'

  BoxError create(const std::string& name, std::uint64_t memory_bytes, std::uint32_t cpu_ms_per_s,
                  std::uint32_t process_count, CellGroups& groups) const;
  std::uint32_t oom_kill_count(const CellGroups& groups) const;
  // False while the kernel still counts something in one of them.
  bool remove(CellGroups& groups) const;

 private:
  void open_v1(const std::string& mounts, const std::string& own);
  void open_v2(const std::string& mounts, const std::string& own);

  int version_ = 0;
  CellGroups own_;
  std::vector<std::string> parents_;  // of them, in order of making
};

}  // namespace flywheel
