#include "runtime/sandbox/box/cgroups.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <iterator>
#include <set>
#include <sstream>
#include <string_view>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace flywheel {

namespace {

constexpr const char* family = "/flywheel_box";
constexpr std::string_view members = "/flywheel_members";
constexpr std::uint64_t cpu_period_us = 100'000;

std::string read_text(const std::string& path) {
  std::string text;
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return text;
  char part[4096];
  for (ssize_t size = 0; (size = ::read(file, part, sizeof part)) > 0;)
    text.append(part, static_cast<std::size_t>(size));
  ::close(file);
  return text;
}

bool write_text(const std::string& path, const std::string& text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool is_written = ::write(file, text.data(), text.size()) >= 0;
  const int code = errno;
  ::close(file);
  errno = code;
  return is_written;
}

// The moment a process started, so that a reused pid is not taken for the dead owner.
std::string start_of(pid_t process) {
  const std::string stat = read_text("/proc/" + std::to_string(process) + "/stat");
  std::istringstream fields{stat.substr(std::min(stat.size(), stat.rfind(')') + 1))};
  std::string field;
  for (int index = 3; index <= 22; ++index) fields >> field;
  return field;
}

std::string own_name() {
  return "/" + std::to_string(::getpid()) + "-" + start_of(::getpid());
}

bool lists(const std::string& options, const std::string& option) {
  return ("," + options + ",").find("," + option + ",") != std::string::npos;
}

// Where a hierarchy is mounted: by its option for v1, by its type for v2.
std::string mount_of(const std::string& mounts, const std::string& type,
                     const std::string& controller) {
  std::istringstream lines{mounts};
  for (std::string line; std::getline(lines, line);) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    std::istringstream left{line.substr(0, dash)};
    std::istringstream right{line.substr(dash + 3)};
    std::string skipped, folder, found_type, source, options;
    left >> skipped >> skipped >> skipped >> skipped >> folder;
    right >> found_type >> source >> options;
    if (found_type == type && (controller.empty() || lists(options, controller))) return folder;
  }
  return {};
}

// This process's own folder in a hierarchy, from /proc/self/cgroup.
std::string own_path(const std::string& own, const std::string& controller) {
  std::istringstream lines{own};
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (controller.empty() ? controllers.empty() : lists(controllers, controller))
      return line.substr(second + 1) == "/" ? "" : line.substr(second + 1);
  }
  return {};
}

void kill_processes_of(const std::string& folder) {
  std::istringstream processes{read_text(folder + "/cgroup.procs")};
  for (pid_t process = 0; processes >> process;)
    if (process > 0) ::kill(process, SIGKILL);
}

std::vector<std::string> folders_in(const std::string& path) {
  std::vector<std::string> names;
  DIR* const entries = ::opendir(path.c_str());
  if (entries == nullptr) return names;
  while (const dirent* entry = ::readdir(entries))
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  ::closedir(entries);
  return names;
}

// Version 2 lets a group but the root have members or bounded children, not both. What is in ours
// (this service and who started it) goes one level down, where the same bounds hold for it.
bool bound_children(const std::string& base, const std::string& controllers_on) {
  const std::string control = base + "/cgroup.subtree_control";
  if (write_text(control, controllers_on)) return true;
  if (errno != EBUSY) return false;
  const std::string inner = base + std::string{members};
  if (::mkdir(inner.c_str(), 0755) != 0 && errno != EEXIST) return false;
  for (int tries = 0; tries < 20; ++tries) {  // whoever is in it may fork meanwhile
    std::istringstream processes{read_text(base + "/cgroup.procs")};
    for (std::string process; processes >> process;) write_text(inner + "/cgroup.procs", process);
    if (write_text(control, controllers_on)) return true;
  }
  return false;
}

void sweep(const std::string& parent) {
  for (const std::string& owner : folders_in(parent)) {
    const std::size_t dash = owner.find('-');
    const auto process = static_cast<pid_t>(std::strtol(owner.c_str(), nullptr, 10));
    if (dash == std::string::npos || start_of(process) == owner.substr(dash + 1)) continue;
    const std::string folder = parent + "/" + owner;
    for (const std::string& cell : folders_in(folder)) {
      kill_processes_of(folder + "/" + cell);
      const timespec pause{0, 2'000'000};
      for (int tries = 0; ::rmdir((folder + "/" + cell).c_str()) != 0 && tries < 50; ++tries)
        ::nanosleep(&pause, nullptr);
    }
    ::rmdir(folder.c_str());
  }
}

}  // namespace

void Cgroups::open() {
  const std::string mounts = read_text("/proc/self/mountinfo");
  const std::string own = read_text("/proc/self/cgroup");
  open_v2(mounts, own);
  if (version_ == 0) open_v1(mounts, own);
}

void Cgroups::open_v1(const std::string& mounts, const std::string& own) {
  const auto folder_of = [&](const std::string& controller) -> std::string {
    const std::string mount = mount_of(mounts, "cgroup", controller);
    if (mount.empty()) return {};
    const std::string parent = mount + own_path(own, controller) + family;
    if (::mkdir(parent.c_str(), 0755) != 0 && errno != EEXIST) return {};
    sweep(parent);
    std::string folder = parent + own_name();
    if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) return {};
    if (std::find(parents_.begin(), parents_.end(), folder) == parents_.end())
      parents_.push_back(folder);
    return folder;
  };
  own_.memory = folder_of("memory");
  own_.cpu = folder_of("cpu");
  own_.cpu_usage = folder_of("cpuacct");
  own_.pids = folder_of("pids");
  if (!parents_.empty()) version_ = 1;
}

void Cgroups::open_v2(const std::string& mounts, const std::string& own) {
  const std::string mount = mount_of(mounts, "cgroup2", "");
  if (mount.empty()) return;
  std::string base = mount + own_path(own, "");
  if (base.ends_with(members)) base.resize(base.size() - members.size());
  std::istringstream there{read_text(base + "/cgroup.controllers")};
  const std::set<std::string> controllers{std::istream_iterator<std::string>{there}, {}};
  std::string on;
  for (const char* name : {"memory", "pids", "cpu"})
    if (controllers.contains(name)) on += std::string{on.empty() ? "+" : " +"} + name;
  if (on.empty() || !bound_children(base, on)) return;
  const std::string parent = base + family;
  const std::string folder = parent + own_name();
  if (::mkdir(parent.c_str(), 0755) != 0 && errno != EEXIST) return;
  sweep(parent);
  if (::mkdir(folder.c_str(), 0755) != 0 || !write_text(parent + "/cgroup.subtree_control", on) ||
      !write_text(folder + "/cgroup.subtree_control", on))
    return;
  own_.cpu_usage = folder;  // cpu.stat needs no controller
  if (controllers.contains("memory")) own_.memory = folder;
  if (controllers.contains("pids")) own_.pids = folder;
  if (controllers.contains("cpu")) own_.cpu = folder;
  parents_.push_back(folder);
  version_ = 2;
}

void Cgroups::close() {
  for (const std::string& folder : parents_) {
    ::rmdir(folder.c_str());
    ::rmdir(folder.substr(0, folder.rfind('/')).c_str());  // refused while others use it
  }
}

BoxError Cgroups::create(const std::string& name, std::uint64_t memory_bytes,
                         std::uint32_t cpu_ms_per_s, std::uint32_t process_count,
                         CellGroups& groups) const {
  const auto make = [&](const std::string& parent, std::string& folder) {
    if (parent.empty()) return true;
    folder = parent + "/" + name;
    if (std::find(groups.all.begin(), groups.all.end(), folder) != groups.all.end()) return true;
    if (::mkdir(folder.c_str(), 0755) != 0) return false;
    groups.all.push_back(folder);
    return true;
  };
  const auto set = [](const std::string& folder, const char* file, const std::string& value) {
    return folder.empty() || write_text(folder + "/" + file, value);
  };
  // A quota of every core limits nothing and costs the scheduler time.
  const bool is_slowed =
      cpu_ms_per_s < 1000ULL * static_cast<std::uint64_t>(::sysconf(_SC_NPROCESSORS_ONLN));
  if (!make(own_.memory, groups.memory) || !make(own_.pids, groups.pids) ||
      !make(is_slowed ? own_.cpu : std::string{}, groups.cpu) ||
      !make(own_.cpu_usage, groups.cpu_usage))
    return {"make its cgroups", errno};
  const std::string bytes = std::to_string(memory_bytes);
  const std::string quota = std::to_string(cpu_ms_per_s * cpu_period_us / 1000);
  const bool is_v2 = version_ == 2;
  bool is_set = set(groups.memory, is_v2 ? "memory.max" : "memory.limit_in_bytes", bytes) &&
                set(groups.pids, "pids.max", std::to_string(process_count + 16));
  if (is_v2) {
    set(groups.memory, "memory.swap.max", "0");  // not there on a kernel without swap accounting
    is_set = is_set && set(groups.cpu, "cpu.max", quota + " " + std::to_string(cpu_period_us));
  } else {
    set(groups.memory, "memory.memsw.limit_in_bytes", bytes);
    is_set = is_set && set(groups.cpu, "cpu.cfs_quota_us", quota);
  }
  return is_set ? BoxError{} : BoxError{"set the limits of its cgroups", errno};
}

std::uint32_t Cgroups::oom_kill_count(const CellGroups& groups) const {
  if (groups.memory.empty()) return 0;
  const char* const file = version_ == 2 ? "/memory.events" : "/memory.oom_control";
  std::istringstream words{read_text(groups.memory + file)};
  for (std::string word; words >> word;)
    if (word == "oom_kill" && words >> word)
      return static_cast<std::uint32_t>(std::strtoul(word.c_str(), nullptr, 10));
  return 0;
}

bool Cgroups::remove(CellGroups& groups) const {
  std::erase_if(groups.all, [](const std::string& folder) {
    return ::rmdir(folder.c_str()) == 0 || errno == ENOENT;
  });
  return groups.all.empty();
}

}  // namespace flywheel
