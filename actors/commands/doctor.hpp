// Doctor looks at the machine and says, of each thing a run rests on, what was found, what follows
// from it and what can be done. It starts without a GPU and without NCCL; it writes one small file
// into the workspace to time the disk, and removes it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "actors/commands/plan.hpp"
#include "runtime/base/json.hpp"

namespace flywheel {

// limited: works, but slower or with less. failed: a run can't work here.
enum class Health : std::uint8_t { good = 0, limited = 1, failed = 2 };
const char* to_string(Health health);

struct Finding {
  std::string name{};  // "cpu", "memory", "disk", ...
  Health health = Health::good;
  std::string found{};  // with numbers and units
  std::string consequence{};
  std::string remedy{};  // empty where nothing needs doing
};

struct DoctorReport {
  std::vector<Finding> findings{};

  bool is_fit() const;  // nothing failed: exit code 0
};

struct DoctorOptions {
  std::string workspace =
      ".flywheel";  // its disk is measured; the folder above it if it is not there
  std::vector<std::string> nccl_paths = {".deps/site/nvidia/nccl/lib/libnccl.so.2", "libnccl.so.2"};
};

DoctorReport examine_machine(const DoctorOptions& options);
std::string doctor_text(const DoctorReport& report);
OrderedJson doctor_json(const DoctorReport& report);

// The single examinations, on the text of the files that Linux gives: what tests feed.
Finding examine_cpu(std::string_view cpuinfo);
Finding examine_memory(double available_bytes, double limit_bytes);  // limit 0 = none
Finding examine_disk(const std::string& folder);
Finding examine_cgroups(const std::string& root);  // "/sys/fs/cgroup"
Finding examine_ports(const std::string& folder);  // loopback TCP, and a unix socket in `folder`
Finding examine_file_limit(std::uint64_t files_max);
Finding examine_nccl(const std::vector<std::string>& paths);
Finding examine_gpus(const std::string& driver);  // "libcuda.so.1"

// Facts for a plan: cores, memory, disk and copy rate are measured (0.1 s); the GEMM rates are left
// to who can multiply.
MachineFacts machine_facts(const std::string& workspace);

}  // namespace flywheel
