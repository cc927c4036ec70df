// What Linux says of the machine's CPU.
#pragma once

#include <string>
#include <string_view>

namespace flywheel {

struct CpuFacts {
  std::string model = "unknown CPU";
  int core_count = 0;      // logical, as listed
  std::string features{};  // those that matter here, by name
  bool has_avx2 = false;
  bool has_amx = false;
  bool has_fast_bfloat16 = false;  // AVX512-BF16 or AMX-BF16
};

// `cpuinfo` is the text of /proc/cpuinfo.
CpuFacts read_cpuinfo(std::string_view cpuinfo);

}  // namespace flywheel
