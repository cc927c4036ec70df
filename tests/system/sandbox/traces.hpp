// What containers could leave behind on the host: counted before and after.
#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>

namespace flywheel {

struct Traces {
  std::size_t descriptors = 0;  // of this process
  std::size_t children = 0;  // living processes named flywheel_box, its containers' inits included
  std::size_t mounts = 0;    // in this process's mount namespace
  std::size_t cgroups = 0;   // folders of this process's containers

  bool operator==(const Traces&) const = default;
};

inline std::size_t count_lines(const char* path) {
  std::ifstream file{path};
  std::size_t count = 0;
  for (std::string line; std::getline(file, line);) ++count;
  return count;
}

// Processes whose program is flywheel_box and that descend from this process.
inline std::size_t count_boxes() {
  std::size_t count = 0;
  std::error_code code;
  for (const auto& entry : std::filesystem::directory_iterator{"/proc", code}) {
    std::string name;
    std::getline(std::ifstream{entry.path() / "comm"}, name);
    std::ifstream stat{entry.path() / "stat"};
    std::string pid, command, state;
    long parent = 0;
    if (name == "flywheel_box" && stat >> pid >> command >> state >> parent &&
        parent == static_cast<long>(::getpid()))
      ++count;
  }
  return count;
}

inline std::size_t count_cgroups() {
  std::size_t count = 0;
  std::error_code code;
  for (std::filesystem::recursive_directory_iterator
           entry{"/sys/fs/cgroup", std::filesystem::directory_options::skip_permission_denied,
                 code},
       end;
       entry != end; entry.increment(code))
    if (entry->path().filename().string().starts_with("box_")) ++count;
  return count;
}

inline Traces traces() {
  std::error_code code;
  std::size_t descriptors = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator{"/proc/self/fd", code})
    ++descriptors;
  return {descriptors, count_boxes(), count_lines("/proc/self/mountinfo"), count_cgroups()};
}

}  // namespace flywheel
