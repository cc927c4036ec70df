#include "runtime/base/memory.hpp"

#include <algorithm>
#include <cstdlib>

#include "runtime/base/file.hpp"

namespace flywheel {

double available_memory_bytes() {
  constexpr std::string_view key = "MemAvailable:";
  const std::string text = read_file("/proc/meminfo").value_or("");
  const auto at = text.find(key);
  if (at == std::string::npos) return 0.0;
  return std::strtod(text.c_str() + at + key.size(), nullptr) * 1024.0;
}

double cgroup_memory_limit_bytes(const std::string& root) {
  for (const char* name : {"/memory.max", "/memory/memory.limit_in_bytes"}) {
    const std::string text = read_file(root + name).value_or("");
    const double bytes = std::strtod(text.c_str(), nullptr);  // "max" reads as 0
    if (bytes > 0.0 && bytes < 1e15) return bytes;  // version 1 writes a huge number for no limit
  }
  return 0.0;
}

double usable_memory_bytes() {
  const double limit = cgroup_memory_limit_bytes("/sys/fs/cgroup");
  const double available = available_memory_bytes();
  return limit > 0.0 ? std::min(available, limit) : available;
}

}  // namespace flywheel
