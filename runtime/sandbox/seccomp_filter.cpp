#include "runtime/sandbox/seccomp_filter.hpp"

#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace flywheel {

namespace {

// Calls that need no look at their arguments. Names that this machine's architecture or library
// does not know are passed over.
constexpr const char* allowed_names[] = {
    // files
    "access",
    "chdir",
    "chmod",
    "chown",
    "close",
    "close_range",
    "copy_file_range",
    "creat",
    "dup",
    "dup2",
    "dup3",
    "faccessat",
    "faccessat2",
    "fadvise64",
    "fallocate",
    "fchdir",
    "fchmod",
    "fchmodat",
    "fchmodat2",
    "fchown",
    "fchownat",
    "fcntl",
    "fdatasync",
    "fgetxattr",
    "flistxattr",
    "flock",
    "fremovexattr",
    "fsetxattr",
    "fstat",
    "fstatfs",
    "fsync",
    "ftruncate",
    "futimesat",
    "getcwd",
    "getdents",
    "getdents64",
    "getxattr",
    "inotify_add_watch",
    "inotify_init",
    "inotify_init1",
    "inotify_rm_watch",
    "ioctl",  // but for what refuse_requests() refuses
    "lchown",
    "lgetxattr",
    "link",
    "linkat",
    "listxattr",
    "llistxattr",
    "lremovexattr",
    "lseek",
    "lsetxattr",
    "lstat",
    "mkdir",
    "mkdirat",
    "newfstatat",
    "open",
    "openat",
    "openat2",
    "pread64",
    "preadv",
    "preadv2",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "read",
    "readahead",
    "readlink",
    "readlinkat",
    "readv",
    "removexattr",
    "rename",
    "renameat",
    "renameat2",
    "rmdir",
    "sendfile",
    "setxattr",
    "splice",
    "stat",
    "statfs",
    "statx",
    "symlink",
    "symlinkat",
    "sync",
    "sync_file_range",
    "syncfs",
    "tee",
    "truncate",
    "umask",
    "unlink",
    "unlinkat",
    "utime",
    "utimensat",
    "utimes",
    "vmsplice",
    "write",
    "writev",
    // memory
    "brk",
    "cachestat",
    "get_mempolicy",
    "madvise",
    "mbind",
    "membarrier",
    "memfd_create",
    "mincore",
    "mlock",
    "mlock2",
    "mlockall",
    "mmap",
    "mprotect",
    "mremap",
    "msync",
    "munlock",
    "munlockall",
    "munmap",
    "pkey_alloc",
    "pkey_free",
    "pkey_mprotect",
    "remap_file_pages",
    "set_mempolicy",
    // processes and threads
    "arch_prctl",
    "capget",
    "capset",
    "execve",
    "execveat",
    "exit",
    "exit_group",
    "fork",
    "futex",
    "futex_waitv",
    "futex_wait",
    "futex_wake",
    "futex_requeue",
    "get_robust_list",
    "get_thread_area",
    "getcpu",
    "getegid",
    "geteuid",
    "getgid",
    "getgroups",
    "getpgid",
    "getpgrp",
    "getpid",
    "getppid",
    "getpriority",
    "getresgid",
    "getresuid",
    "getrlimit",
    "getrusage",
    "getsid",
    "gettid",
    "getuid",
    "ioprio_get",
    "kill",
    "landlock_add_rule",
    "landlock_create_ruleset",
    "landlock_restrict_self",
    "pidfd_open",
    "pidfd_send_signal",
    "prctl",
    "prlimit64",
    "rseq",
    "sched_get_priority_max",
    "sched_get_priority_min",
    "sched_getaffinity",
    "sched_getattr",
    "sched_getparam",
    "sched_getscheduler",
    "sched_rr_get_interval",
    "sched_setaffinity",
    "sched_setattr",
    "sched_setparam",
    "sched_setscheduler",
    "sched_yield",
    "seccomp",
    "set_robust_list",
    "set_thread_area",
    "set_tid_address",
    "setfsgid",
    "setfsuid",
    "setgid",
    "setgroups",
    "setpgid",
    "setpriority",
    "setregid",
    "setresgid",
    "setresuid",
    "setreuid",
    "setrlimit",
    "setsid",
    "setuid",
    "sysinfo",
    "tgkill",
    "times",
    "tkill",
    "uname",
    "vfork",
    "wait4",
    "waitid",
    "waitpid",
    // signals and time
    "alarm",
    "clock_getres",
    "clock_gettime",
    "clock_nanosleep",
    "getitimer",
    "gettimeofday",
    "nanosleep",
    "pause",
    "restart_syscall",
    "rt_sigaction",
    "rt_sigpending",
    "rt_sigprocmask",
    "rt_sigqueueinfo",
    "rt_sigreturn",
    "rt_sigsuspend",
    "rt_sigtimedwait",
    "rt_tgsigqueueinfo",
    "setitimer",
    "sigaltstack",
    "signalfd",
    "signalfd4",
    "time",
    "timer_create",
    "timer_delete",
    "timer_getoverrun",
    "timer_gettime",
    "timer_settime",
    "timerfd_create",
    "timerfd_gettime",
    "timerfd_settime",
    // waiting and pipes
    "epoll_create",
    "epoll_create1",
    "epoll_ctl",
    "epoll_ctl_old",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_wait",
    "epoll_wait_old",
    "eventfd",
    "eventfd2",
    "pipe",
    "pipe2",
    "poll",
    "ppoll",
    "pselect6",
    "select",
    // sockets that exist; which can be made is looked at below
    "accept",
    "accept4",
    "bind",
    "connect",
    "getpeername",
    "getsockname",
    "getsockopt",
    "listen",
    "recvfrom",
    "recvmmsg",
    "recvmsg",
    "sendmmsg",
    "sendmsg",
    "sendto",
    "setsockopt",
    "shutdown",
    // between processes of the container
    "mq_getsetattr",
    "mq_notify",
    "mq_open",
    "mq_timedreceive",
    "mq_timedsend",
    "mq_unlink",
    "msgctl",
    "msgget",
    "msgrcv",
    "msgsnd",
    "semctl",
    "semget",
    "semop",
    "semtimedop",
    "shmat",
    "shmctl",
    "shmdt",
    "shmget",
    "getrandom",
};

constexpr scmp_datum_t namespace_flags = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                         CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
constexpr scmp_datum_t new_time = 0x80;  // CLONE_NEWTIME; in clone these bits are the exit signal
constexpr scmp_datum_t low_half = 0xffffffff;  // the kernel reads these arguments as 32 bits

struct Release {
  void operator()(void* filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, Release>;

// 0 or a negative errno. A name unknown on this architecture is fine: it can't be called either.
int allow(const Filter& filter, const char* name, std::initializer_list<scmp_arg_cmp> conditions) {
  const int call = seccomp_syscall_resolve_name(name);
  if (call == __NR_SCMP_ERROR || call < 0) return 0;
  return seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, call,
                                static_cast<unsigned>(conditions.size()), conditions.begin());
}

scmp_arg_cmp masked(unsigned argument, scmp_datum_t mask, scmp_datum_t value) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}

// Refuses three requests of ioctl: two push characters into a terminal's input, one loads a line
// discipline. libseccomp's allow-list has no "all but" without a rule for each bit, so this goes
// ahead of it; jumps are relative, so what follows need not know.
std::string refuse_requests() {
  static_assert(std::endian::native == std::endian::little);
  // The kernel reads 32 bits of a request only.
  constexpr std::uint32_t request_at = offsetof(seccomp_data, args) + sizeof(std::uint64_t);
  constexpr sock_filter steps[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 5),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, request_at),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCSTI, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCLINUX, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCSETD, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
  };
  return {reinterpret_cast<const char*>(steps), sizeof steps};
}

int allow_looked_at(const Filter& filter, SandboxNetwork network) {
  int code = 0;
  const auto add = [&](const char* name, std::initializer_list<scmp_arg_cmp> conditions) {
    if (code == 0) code = allow(filter, name, conditions);
  };
  add("clone", {masked(0, namespace_flags, 0)});
  add("unshare", {masked(0, namespace_flags | new_time, 0)});
  add("personality", {masked(0, low_half, 0)});
  add("personality", {masked(0, low_half, 0xffffffff)});  // asks only
  for (const scmp_datum_t kind :
       {scmp_datum_t{0}, scmp_datum_t{S_IFREG}, scmp_datum_t{S_IFIFO}, scmp_datum_t{S_IFSOCK}}) {
    add("mknod", {masked(1, S_IFMT, kind)});
    add("mknodat", {masked(2, S_IFMT, kind)});
  }
  add("socketpair", {masked(0, low_half, AF_UNIX)});
  add("socket", {masked(0, low_half, AF_UNIX)});
  if (network == SandboxNetwork::none) return code;
  for (const scmp_datum_t family : {scmp_datum_t{AF_INET}, scmp_datum_t{AF_INET6}})
    for (const scmp_datum_t type : {scmp_datum_t{SOCK_STREAM}, scmp_datum_t{SOCK_DGRAM}})
      add("socket", {masked(0, low_half, family), masked(1, 0xf, type)});
  return code;
}

Result<std::string> export_filter(const Filter& filter) {
  const int file = ::memfd_create("filter", MFD_CLOEXEC);
  if (file < 0) return fail(Failure::unavailable, "seccomp filter: no memory file can be made");
  std::string bytes = refuse_requests();
  const std::size_t first_size = bytes.size();
  char part[4096];
  if (seccomp_export_bpf(filter.get(), file) == 0 && ::lseek(file, 0, SEEK_SET) == 0)
    for (ssize_t size = 0; (size = ::read(file, part, sizeof part)) > 0;)
      bytes.append(part, static_cast<std::size_t>(size));
  ::close(file);
  if (bytes.size() == first_size)
    return fail(Failure::internal, "seccomp filter: can't be exported");
  return bytes;
}

}  // namespace

Result<std::string> make_seccomp_filter(SandboxNetwork network) {
  const Filter filter{seccomp_init(SCMP_ACT_ERRNO(EPERM))};
  if (!filter) return fail(Failure::unavailable, "seccomp filter: libseccomp can't make one");
  int code = seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  // A search tree instead of a list: each call is looked at in a dozen steps, not hundreds.
  if (code == 0) code = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  for (const char* name : allowed_names)
    if (code == 0) code = allow(filter, name, {});
  if (code == 0) code = allow_looked_at(filter, network);
  if (const int clone3 = seccomp_syscall_resolve_name("clone3"); code == 0 && clone3 >= 0)
    code = seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(ENOSYS), clone3, 0);
  if (code != 0)
    return fail(Failure::internal,
                std::string{"seccomp filter: can't be made: "} + std::strerror(-code));
  return export_filter(filter);
}

}  // namespace flywheel
