// SandboxSpec says what a container is made of and what it may use. Plain data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace flywheel {

enum class SandboxNetwork : std::uint8_t {
  none,      // unix sockets inside the container only
  loopback,  // and 127.0.0.1 and ::1 of its own
};

struct SandboxLimits {
  std::uint32_t cpu_ms_per_s = 1000;          // CPU time a second; 1000 is one core (needs cgroups)
  std::uint64_t memory_bytes = 512ULL << 20;  // without a memory cgroup: address space a process
  std::uint32_t process_count = 128;          // processes and threads at once
  std::uint64_t disk_bytes = 256ULL << 20;    // of everything that is written; lies in memory
  std::uint32_t file_count = 65536;           // files, folders and links that are written
  std::uint32_t open_file_count = 1024;       // file descriptors a process
};

// A folder or file of the host that the container sees, read-only.
struct SandboxBind {
  std::string source{};  // absolute path on the host
  std::string target{};  // absolute path in the container; its parents are made
};

struct SandboxSpec {
  std::string image = "host";            // the machine's own /usr, or the name of a built image
  std::string snapshot{};                // not empty: start from this snapshot; its image counts
  std::vector<std::string> env{};        // NAME=value; what every exec sees, over the defaults
  std::string working_folder = "/work";  // where commands start
  SandboxLimits limits{};
  SandboxNetwork network = SandboxNetwork::none;
  std::vector<SandboxBind> binds{};
};

}  // namespace flywheel
