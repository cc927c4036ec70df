#include "runtime/sandbox/box/confine.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/sandbox/box/cell.hpp"

namespace flywheel {

namespace {

// What the init needs to start commands as another user and to signal them.
constexpr std::uint64_t init_capabilities =
    1ULL << CAP_KILL | 1ULL << CAP_SETUID | 1ULL << CAP_SETGID;

// Rights of Landlock that the headers of Debian 12 do not name yet.
constexpr std::uint64_t access_refer = 1ULL << 13;
constexpr std::uint64_t access_truncate = 1ULL << 14;
constexpr std::uint64_t access_net_all = 3;         // bind and connect TCP
constexpr std::uint64_t scope_all = 3;              // abstract unix sockets, signals
constexpr std::uint64_t writing_first = 1ULL << 4;  // remove_dir; make_sym is 1 << 12

struct Ruleset {
  std::uint64_t access_fs = 0;
  std::uint64_t access_net = 0;
  std::uint64_t scoped = 0;
};

std::uint64_t writing_rights(int abi) {
  std::uint64_t rights = LANDLOCK_ACCESS_FS_WRITE_FILE;
  for (std::uint64_t right = writing_first; right <= LANDLOCK_ACCESS_FS_MAKE_SYM; right <<= 1)
    rights |= right;
  if (abi >= 2) rights |= access_refer;
  if (abi >= 3) rights |= access_truncate;
  return rights;
}

bool allow_below(int ruleset, const char* folder, std::uint64_t rights) {
  landlock_path_beneath_attr rule{};
  rule.allowed_access = rights;
  rule.parent_fd = ::open(folder, O_PATH | O_CLOEXEC);
  if (rule.parent_fd < 0) return errno == ENOENT;  // an image need not have each
  const bool is_added =
      ::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
  ::close(rule.parent_fd);
  return is_added;
}

// Never above what this process has itself: raising a limit needs rights of the host.
bool limit(__rlimit_resource resource, std::uint64_t soft, std::uint64_t hard) {
  rlimit value{};
  if (::getrlimit(resource, &value) != 0) return false;
  value.rlim_max = std::min<rlim_t>(value.rlim_max, hard);
  value.rlim_cur = std::min<rlim_t>(value.rlim_max, soft);
  return ::setrlimit(resource, &value) == 0;
}

bool set_capabilities(std::uint64_t kept) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const auto low = static_cast<std::uint32_t>(kept);
  const auto high = static_cast<std::uint32_t>(kept >> 32);
  __user_cap_data_struct data[2] = {{low, low, 0}, {high, high, 0}};
  return ::syscall(SYS_capset, &header, data) == 0;
}

}  // namespace

int landlock_abi() {
  const long abi =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return abi < 0 ? 0 : static_cast<int>(abi);
}

bool drop_capabilities(std::uint64_t kept) {
  for (unsigned long capability = 0; capability < 64; ++capability) {
    if (::prctl(PR_CAPBSET_DROP, capability) != 0) {
      if (errno == EINVAL) break;  // past the last one that this kernel knows
      return false;
    }
  }
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  // Uid 0 inside never means capabilities again, whatever is executed.
  if (::prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED |
                                     SECBIT_NO_CAP_AMBIENT_RAISE |
                                     SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED) != 0)
    return false;
  if (!set_capabilities(kept)) return false;
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

bool restrict_by_landlock(int abi, const CellSpec& spec) {
  if (abi < 1) return true;
  Ruleset handled{writing_rights(abi), 0, 0};
  std::size_t size = sizeof handled.access_fs;
  if (abi >= 4) {
    if (!spec.has_loopback) handled.access_net = access_net_all;
    size = offsetof(Ruleset, scoped);
  }
  if (abi >= 6) {
    handled.scoped = scope_all;
    size = sizeof handled;
  }
  const auto ruleset = static_cast<int>(::syscall(SYS_landlock_create_ruleset, &handled, size, 0));
  if (ruleset < 0) return false;
  bool is_complete = true;
  const std::uint64_t granted =
      handled.access_fs & ~(LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK);
  for (const char* folder : {"/work", "/tmp", "/var/tmp", "/home", "/run", "/mnt/data", "/dev/shm",
                             "/dev/pts", spec.working_folder.c_str()})
    is_complete = is_complete && allow_below(ruleset, folder, granted);
  is_complete = is_complete && allow_below(ruleset, "/dev", LANDLOCK_ACCESS_FS_WRITE_FILE);
  is_complete = is_complete && ::syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
  ::close(ruleset);
  return is_complete;
}

bool restrict_by_seccomp(const SeccompProgram& program) {
  sock_fprog filter{static_cast<unsigned short>(program.size()),
                    const_cast<sock_filter*>(program.data())};
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0;
}

BoxError join_groups(const std::vector<std::string>& folders) {
  for (const std::string& folder : folders) {
    // Version 1 moves a thread that moves itself by `tasks` without the lock over all processes
    // that `cgroup.procs` takes, whose turn can take many milliseconds. Version 2 has only the
    // latter.
    int file = ::open((folder + "/tasks").c_str(), O_WRONLY | O_CLOEXEC);
    if (file < 0) file = ::open((folder + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC);
    const bool is_joined = file >= 0 && ::write(file, "0", 1) == 1;
    const int code = errno;
    if (file >= 0) ::close(file);
    if (!is_joined) return {"join the cgroup " + folder, code};
  }
  return {};
}

bool limit_resources(const CellSpec& spec) {
  constexpr std::uint64_t mebibyte = 1 << 20;
  const bool is_limited = limit(RLIMIT_CORE, 0, 0) && limit(RLIMIT_MEMLOCK, 64 << 10, 64 << 10) &&
                          limit(RLIMIT_NOFILE, spec.open_file_count, spec.open_file_count) &&
                          limit(RLIMIT_NPROC, spec.process_count, spec.process_count) &&
                          limit(RLIMIT_FSIZE, spec.disk_bytes, spec.disk_bytes) &&
                          limit(RLIMIT_MSGQUEUE, 0, 0) && limit(RLIMIT_SIGPENDING, 1024, 1024) &&
                          limit(RLIMIT_NICE, 0, 0) && limit(RLIMIT_RTPRIO, 0, 0) &&
                          limit(RLIMIT_STACK, 8 * mebibyte, 64 * mebibyte);
  if (!is_limited || spec.memory_bytes == 0) return is_limited;
  return limit(RLIMIT_AS, spec.memory_bytes, spec.memory_bytes);
}

bool become_user(bool is_root) {
  if (is_root) {
    if (::setgroups(0, nullptr) != 0 || ::setresgid(box_user, box_user, box_user) != 0 ||
        ::setresuid(box_user, box_user, box_user) != 0)
      return false;
  }
  return set_capabilities(0);
}

BoxError confine_init(const Cell& cell) {
  const Box& box = *cell.box;
  // Landlock needs no_new_privs or a capability; the init still has the capability here.
  if (!restrict_by_landlock(box.landlock_abi, cell.spec))
    return {"restrict itself by Landlock", errno};
  if (!drop_capabilities(box.is_root ? init_capabilities : 0))
    return {"drop its capabilities", errno};
  if (!restrict_by_seccomp(cell.spec.has_loopback ? box.filter_loopback : box.filter_closed))
    return {"restrict itself by seccomp", errno};
  return {};
}

}  // namespace flywheel
