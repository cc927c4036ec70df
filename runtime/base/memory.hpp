// How much memory this process may still take.
#pragma once

#include <string>

namespace flywheel {

double available_memory_bytes();                            // of /proc/meminfo
double cgroup_memory_limit_bytes(const std::string& root);  // 0 = no limit; versions 1 and 2

// The smaller of both.
double usable_memory_bytes();

}  // namespace flywheel
