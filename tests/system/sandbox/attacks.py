"""Attacks that run inside a container: attacks.py NAME tries one, attacks.py --list names them.

An attack returns nothing when it was held, or text that says what it got. The last line of output is
`HELD NAME` or `ESCAPED NAME: what`. `control_...` entries do what is allowed: they must say ESCAPED,
else the suite could not tell an attack that works from one that never ran.
"""
import ctypes
import errno
import os
import signal
import socket
import struct
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
ATTACKS = {}
DENIED = (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EROFS, errno.ENOENT)
NEW_FLAGS = {"newns": 0x20000, "newcgroup": 0x2000000, "newuts": 0x4000000, "newipc": 0x8000000,
             "newuser": 0x10000000, "newpid": 0x20000000, "newnet": 0x40000000}


def attack(function):
    ATTACKS[function.__name__] = function
    return function


def call(number, *arguments):
    """The result of a raw system call, or minus its errno."""
    ctypes.set_errno(0)
    result = LIBC.syscall(ctypes.c_long(number), *[ctypes.c_void_p(a) if isinstance(a, int) else a
                                                   for a in arguments])
    return -ctypes.get_errno() if result == -1 else result


def must_fail(number, *arguments, allowed=(errno.EPERM, errno.ENOSYS)):
    result = call(number, *arguments)
    return None if -result in allowed else f"system call {number} gave {result}"


def must_raise(function, *arguments, allowed=DENIED):
    try:
        result = function(*arguments)
    except OSError as error:
        return None if error.errno in allowed else f"{error}"
    return f"{result!r}"


def read(path, size=64):
    with open(path, "rb") as file:
        return file.read(size)


def write(path, data=b"1"):
    file = os.open(path, os.O_WRONLY)
    try:
        return os.write(file, data)
    finally:
        os.close(file)


# --- system calls that must not exist for a container ------------------------------------------

PAGE = ctypes.create_string_buffer(4096)
HERE = ctypes.c_char_p(b"/work")
BANNED = {  # name: number of x86-64 and arguments; what an ordinary process may call is the point
    "mount_tmpfs": (165, ctypes.c_char_p(b"t"), HERE, ctypes.c_char_p(b"tmpfs"), 0, 0),
    "mount_bind": (165, ctypes.c_char_p(b"/proc"), HERE, 0, 4096, 0),
    "mount_remount_rw": (165, 0, ctypes.c_char_p(b"/usr"), 0, 32 | 4096, 0),
    "umount_proc": (166, ctypes.c_char_p(b"/proc"), 2),
    "umount_masked_kcore": (166, ctypes.c_char_p(b"/proc/kcore"), 2),
    "pivot_root": (155, HERE, HERE), "chroot": (161, HERE),
    "ptrace_traceme": (101, 0, 0, 0, 0), "ptrace_attach_parent": (101, 16, os.getppid(), 0, 0),
    "ptrace_seize_init": (101, 0x4206, 1, 0, 0),
    "process_vm_readv_self": (310, os.getpid(), PAGE, 1, PAGE, 1, 0),
    "process_vm_writev_self": (311, os.getpid(), PAGE, 1, PAGE, 1, 0),
    "bpf_map_create": (321, 0, PAGE, 72), "perf_event_open": (298, PAGE, 0, -1, -1, 0),
    "keyctl_show_session": (250, 0, -3, 0), "keyctl_join_session": (250, 1, 0),
    "add_key": (248, ctypes.c_char_p(b"user"), ctypes.c_char_p(b"k"), PAGE, 4, -2),
    "request_key": (249, ctypes.c_char_p(b"user"), ctypes.c_char_p(b"k"), 0, -2),
    "userfaultfd": (323, 1), "io_uring_setup": (425, 8, PAGE), "io_uring_enter": (426, 0, 1, 0, 0, 0),
    "io_uring_register": (427, 0, 0, 0, 0), "kexec_load": (246, 0, 0, 0, 0),
    "kexec_file_load": (320, 0, 0, 0, 0, 0), "init_module": (175, PAGE, 4096, PAGE),
    "finit_module": (313, 0, PAGE, 0), "delete_module": (176, ctypes.c_char_p(b"ext4"), 0),
    "open_by_handle_at": (304, -100, PAGE, 0), "name_to_handle_at": (303, -100, HERE, PAGE, PAGE, 0),
    "quotactl": (179, 0, 0, 0, 0), "quotactl_fd": (443, 0, 0, 0, 0),
    "swapon": (167, HERE, 0), "swapoff": (168, HERE), "reboot": (169, 0xfee1dead, 672274793, 0, 0),
    "setns_pid": (308, 0, 0), "fsopen": (430, ctypes.c_char_p(b"tmpfs"), 0),
    "fsconfig": (431, 0, 6, 0, 0, 0), "fsmount": (432, 0, 0, 0), "fspick": (433, -100, HERE, 0),
    "open_tree_clone": (428, -100, HERE, 1), "move_mount": (429, -100, HERE, -100, HERE, 0),
    "mount_setattr": (442, -100, ctypes.c_char_p(b"/usr"), 0, PAGE, 32),
    "statmount": (457, PAGE, PAGE, 64, 0), "listmount": (458, PAGE, PAGE, 8, 0),
    "acct": (163, HERE), "settimeofday": (164, PAGE, 0), "clock_settime": (227, 0, PAGE),
    "adjtimex": (159, PAGE), "clock_adjtime": (305, 0, PAGE),
    "sethostname": (170, PAGE, 4), "setdomainname": (171, PAGE, 4), "iopl": (172, 3),
    "ioperm": (173, 0x80, 1, 1), "syslog_read_all": (103, 3, PAGE, 4096), "vhangup": (153,),
    "fanotify_init": (300, 0, 0), "lookup_dcookie": (212, 0, PAGE, 4096), "kcmp": (312, 1, 1, 0, 0, 0),
    "pidfd_getfd": (438, 0, 0, 0), "memfd_secret": (447, 0), "nfsservctl": (180, 0, 0, 0),
    "modify_ldt": (154, 1, PAGE, 16), "uselib": (134, HERE), "ustat": (136, 0, PAGE),
    "sysfs": (139, 3), "migrate_pages": (256, 0, 1, PAGE, PAGE),
    "move_pages": (279, 0, 0, 0, 0, 0, 0), "process_madvise": (440, 0, PAGE, 1, 4, 0),
    "io_setup": (206, 8, PAGE), "io_submit": (209, 0, 0, 0), "io_cancel": (210, 0, PAGE, PAGE),
    "io_getevents": (208, 0, 0, 0, 0, 0), "io_destroy": (207, 0),
    "io_pgetevents": (333, 0, 0, 0, 0, 0, 0),
    "process_mrelease": (448, 0, 0), "personality_no_aslr": (135, 0x0040000),
    "personality_read_implies_exec": (135, 0x0400000), "lsm_list_modules": (461, PAGE, PAGE, 0),
}
for _name, _arguments in BANNED.items():
    ATTACKS["call_" + _name] = lambda arguments=_arguments: must_fail(*arguments)
for _name, _flag in NEW_FLAGS.items():
    ATTACKS["unshare_" + _name] = lambda flag=_flag: must_fail(272, flag)
    ATTACKS["clone_" + _name] = lambda flag=_flag: clone_with(flag)
ATTACKS["unshare_newtime"] = lambda: must_fail(272, 0x80)
ATTACKS["unshare_newuser_high_bits"] = lambda: must_fail(272, 0x1_1000_0000)


def clone_with(flag):
    result = call(56, flag | signal.SIGCHLD, 0, 0, 0, 0)
    if result == 0:
        os._exit(0)
    return None if result == -errno.EPERM else f"clone gave {result}"


@attack
def clone3_hides_its_flags():
    arguments = ctypes.create_string_buffer(struct.pack("<11Q", 0x10000000, *[0] * 10), 88)
    return must_fail(435, arguments, 88, allowed=(errno.ENOSYS,))


@attack
def call_by_the_32_bit_gate():
    """int 0x80 numbers calls differently: 26 is ptrace there and would pass a 64-bit filter."""
    child = os.fork()
    if child == 0:
        import mmap
        code = b"\xb8\x1a\x00\x00\x00\x31\xdb\x31\xc9\x31\xd2\x31\xf6\xcd\x80\xc3"
        page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        page.write(code)
        address = ctypes.addressof(ctypes.c_char.from_buffer(page))
        result = ctypes.CFUNCTYPE(ctypes.c_int)(address)()
        os._exit(7 if result == 0 else 8)
    _, status = os.waitpid(child, 0)
    return None if os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 8 else "int 0x80 came through"


@attack
def call_by_the_x32_table():
    child = os.fork()
    if child == 0:
        os._exit(7 if call(0x40000000 | 101, 0, 0, 0, 0) == 0 else 8)
    _, status = os.waitpid(child, 0)
    return None if os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 8 else "x32 came through"


# --- sockets ------------------------------------------------------------------------------------

for _name, _family in {"inet": 2, "ax25": 3, "ipx": 4, "inet6": 10, "netlink": 16, "packet": 17,
                       "rds": 21, "can": 29, "tipc": 30, "bluetooth": 31, "alg": 38, "nfc": 39,
                       "vsock": 40, "kcm": 41, "smc": 43, "xdp": 44}.items():
    ATTACKS["socket_" + _name] = lambda family=_family: must_fail(41, family, 2, 0)
ATTACKS["socket_inet_high_bits"] = lambda: must_fail(41, 0x1_0000_0002, 1, 0)
ATTACKS["socket_inet_raw"] = lambda: must_fail(41, 2, 3, 1)
ATTACKS["socketpair_inet"] = lambda: must_fail(53, 2, 1, 0, PAGE)


@attack
def abstract_unix_socket_of_the_host():
    """The suite listens on this name in the host's network namespace."""
    client = socket.socket(socket.AF_UNIX)
    return must_raise(client.connect, "\0flywheel_attack",
                      allowed=(errno.EPERM, errno.ECONNREFUSED))


@attack
def abstract_unix_socket_of_another_container():
    client = socket.socket(socket.AF_UNIX)
    return must_raise(client.connect, "\0flywheel_neighbour",
                      allowed=(errno.EPERM, errno.ECONNREFUSED))


# --- terminals ----------------------------------------------------------------------------------

@attack
def tiocsti():
    import fcntl
    master, slave = os.openpty()
    result = must_raise(fcntl.ioctl, slave, 0x5412, b"x")
    os.close(master)
    return result


@attack
def tiocsetd():
    """Loads a line discipline of the kernel's choosing."""
    import fcntl
    master, slave = os.openpty()
    result = must_raise(fcntl.ioctl, slave, 0x5423, struct.pack("i", 2))
    os.close(master), os.close(slave)
    return result


@attack
def terminals_without_end():
    """Terminals are counted in the kernel's memory: a container has a bound of its own."""
    pairs = []
    try:
        for _ in range(300):
            pairs.append(os.openpty())
    except OSError:
        return None
    return f"{len(pairs)} terminals"


@attack
def tiocsti_high_bits():
    _, slave = os.openpty()
    return must_fail(16, slave, 0x1_0000_5412, PAGE)


@attack
def tioclinux():
    return must_fail(16, 0, 0x541C, PAGE)


@attack
def the_hosts_terminal():
    return must_raise(os.open, "/dev/tty", os.O_RDWR, allowed=(*DENIED, errno.ENXIO))


# --- /proc, /sys, /dev --------------------------------------------------------------------------

for _path in ("/proc/kcore", "/proc/keys", "/proc/key-users", "/proc/kallsyms", "/proc/kmsg",
              "/proc/timer_list", "/proc/vmallocinfo", "/proc/slabinfo", "/proc/kpageflags",
              "/proc/kpagecount", "/proc/1/environ", "/proc/1/maps", "/proc/1/root/etc/passwd",
              "/proc/1/cwd/etc", "/proc/1/fd/3", "/proc/1/mem", "/dev/mem", "/dev/kmem", "/dev/port",
              "/dev/kvm", "/dev/fuse", "/dev/vda", "/dev/sda", "/dev/loop0", "/dev/net/tun",
              "/dev/console", "/dev/mapper/control", "/sys/kernel/security", "/sys/fs/cgroup",
              "/old_root", "/etc/shadow", "/root/.bashrc", "/home/user/../../../../root",
              "/var/lib/dpkg/status", "/boot", "/run/docker.sock", "/var/run/docker.sock"):
    def _read_secret(path=_path):
        try:
            data = b"".join(map(os.fsencode, os.listdir(path))) if os.path.isdir(path) else read(path)
        except OSError as error:
            return None if error.errno in (*DENIED, errno.ENXIO, errno.EIO) else str(error)
        return f"{data!r}" if data else None
    ATTACKS["read_" + _path.strip("/").replace("/", "_").replace(".", "")] = _read_secret

for _path in ("/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe",
              "/proc/sys/vm/drop_caches", "/proc/sys/kernel/hostname", "/proc/sys/fs/file-max",
              "/proc/sys/net/ipv4/ip_forward", "/proc/sys/vm/overcommit_memory", "/proc/1/oom_score_adj",
              "/proc/self/oom_score_adj", "/proc/self/uid_map", "/proc/self/setgroups",
              "/proc/self/timerslack_ns", "/usr/bin/env", "/etc/passwd", "/etc/ld.so.preload",
              "/etc/ld.so.cache", "/bin/sh", "/lib64/ld-linux-x86-64.so.2"):
    ATTACKS["write_" + _path.strip("/").replace("/", "_").replace(".", "")] = (
        lambda path=_path: must_raise(write, path, b"-1000" if "oom" in path else b"1"))

for _name, _kind, _device in (("kmsg", 0o020000, (1, 11)), ("null", 0o020000, (1, 3)),
                              ("mem", 0o020000, (1, 1)), ("root_disk", 0o060000, (254, 0)),
                              ("sda", 0o060000, (8, 0)), ("fuse", 0o020000, (10, 229)),
                              ("whiteout", 0o020000, (0, 0))):
    ATTACKS["mknod_" + _name] = lambda kind=_kind, device=_device: must_raise(
        os.mknod, "/work/node", kind | 0o666, os.makedev(*device))


@attack
def proc_shows_other_processes():
    others = [pid for pid in os.listdir("/proc") if pid.isdigit() and int(pid) > 200]
    return f"{others}" if others else None


@attack
def proc_shows_the_init():
    return must_raise(os.listdir, "/proc/1/task")


@attack
def mounts_name_the_host():
    text = read("/proc/self/mountinfo", 100000).decode()
    return text if "/work/" in text or "old_root" in text or "/sys" in text else None


@attack
def executable_of_the_init():
    return must_raise(os.readlink, "/proc/1/exe")


@attack
def overwrite_own_loader_by_proc_exe():
    return must_raise(os.open, "/proc/self/exe", os.O_WRONLY, allowed=(*DENIED, errno.ETXTBSY))


# --- rights -------------------------------------------------------------------------------------

@attack
def capabilities_left():
    rows = dict(line.split(":\t") for line in read("/proc/self/status", 8000).decode().splitlines()
                if ":\t" in line)
    wrong = {k: rows[k] for k in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb") if int(rows[k], 16)}
    if rows["NoNewPrivs"].strip() != "1" or rows["Seccomp"].strip() != "2":
        wrong["NoNewPrivs, Seccomp"] = rows["NoNewPrivs"], rows["Seccomp"]
    return f"{wrong}" if wrong else None


@attack
def become_root():
    return must_raise(os.setuid, 0, allowed=(errno.EPERM, errno.EINVAL))


@attack
def become_the_hosts_group():
    return must_raise(os.setgid, 0, allowed=(errno.EPERM, errno.EINVAL))


@attack
def take_groups():
    return must_raise(os.setgroups, [0, 4, 27], allowed=(errno.EPERM, errno.EINVAL))


@attack
def setuid_program_of_the_machine():
    import subprocess
    for program in ("/usr/bin/su", "/usr/bin/mount", "/usr/bin/passwd", "/usr/bin/newgrp"):
        if os.path.exists(program):
            subprocess.run([program, "--help"], capture_output=True, stdin=subprocess.DEVNULL)
    code = "import os; print(os.geteuid())"
    os.system("cp /usr/bin/env /work/e; chmod 6755 /work/e")
    seen = subprocess.run(["/work/e", "python3", "-c", code], capture_output=True).stdout.strip()
    return None if seen == str(os.getuid()).encode() else f"{seen}"


@attack
def give_a_file_to_root():
    open("/work/mine", "w").close()
    return must_raise(os.chown, "/work/mine", 0, 0, allowed=(errno.EPERM, errno.EINVAL))


@attack
def file_capability():
    open("/work/mine", "w").close()
    value = struct.pack("<5I", 0x02000001, 0x200000, 0, 0, 0)
    return must_raise(os.setxattr, "/work/mine", "security.capability", value)


@attack
def trusted_attribute_of_the_overlay():
    return must_raise(os.setxattr, "/work", "trusted.overlay.opaque", b"y",
                      allowed=(*DENIED, errno.EOPNOTSUPP))


@attack
def redirect_the_overlay():
    """With userxattr an overlay reads these names in its own layers: they must not pass through it."""
    os.mkdir("/work/d")
    got = must_raise(os.setxattr, "/work/d", "user.overlay.redirect", b"/root",
                     allowed=(*DENIED, errno.EOPNOTSUPP))
    return got if got and os.path.exists("/work/d/.bashrc") else None


@attack
def raise_limits():
    import resource
    for kind in (resource.RLIMIT_NPROC, resource.RLIMIT_NOFILE, resource.RLIMIT_CORE,
                 resource.RLIMIT_FSIZE, resource.RLIMIT_MEMLOCK):
        hard = resource.getrlimit(kind)[1]
        try:
            resource.setrlimit(kind, (hard + 1, hard + 1))
            return f"limit {kind} rose above {hard}"
        except (ValueError, OSError):
            continue
    return None


@attack
def real_time_priority():
    return must_raise(os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(50))


@attack
def negative_nice():
    return must_raise(os.setpriority, os.PRIO_PROCESS, 0, -10)


@attack
def disable_the_seccomp_filter():
    LIBC.prctl(22, 0, 0, 0, 0)
    return must_fail(101, 0, 0, 0, 0)


@attack
def clear_no_new_privs():
    return None if LIBC.prctl(38, 0, 0, 0, 0) == -1 else "no_new_privs was cleared"


@attack
def raise_ambient_capability():
    return None if LIBC.prctl(47, 2, 21, 0, 0) == -1 else "ambient capability raised"


@attack
def lock_memory():
    return must_fail(151, 3, allowed=(errno.EPERM, errno.ENOMEM))


# --- signals and processes ----------------------------------------------------------------------

@attack
def kill_the_init():
    for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGSEGV):
        try:
            os.kill(1, number)
        except PermissionError:
            continue
    return None  # the suite looks whether the container is alive


@attack
def signal_a_process_group_of_the_host():
    return must_raise(os.kill, -2_000_000, 0, allowed=(errno.ESRCH, errno.EPERM))


@attack
def core_dump():
    child = os.fork()
    if child == 0:
        os.chdir("/work")
        os.abort()
    os.waitpid(child, 0)
    cores = [name for name in os.listdir("/work") if "core" in name]
    return f"{cores}" if cores else None


@attack
def join_namespaces_by_proc():
    found = []
    for name in ("mnt", "net", "pid", "user", "uts", "ipc", "cgroup"):
        file = os.open(f"/proc/self/ns/{name}", os.O_RDONLY)
        if call(308, file, 0) == 0:
            found.append(name)
    return f"{found}" if found else None


@attack
def pidfd_of_the_init_for_setns():
    pidfd = call(434, 1, 0)
    return None if pidfd < 0 or call(308, pidfd, 0x20000) < 0 else "joined"


# --- ways out of the tree -----------------------------------------------------------------------

@attack
def classic_chroot_escape():
    os.mkdir("/work/jail")
    return must_raise(os.chroot, "/work/jail")


@attack
def dot_dot_beyond_the_root():
    os.chdir("/" + "../" * 64)
    names = set(os.listdir("."))
    return f"{names}" if "old_root" in names or "lost+found" in names or "boot" in names else None


@attack
def inherited_folders():
    found = []
    for number in range(3, 256):
        try:
            found.append((number, os.readlink(f"/proc/self/fd/{number}")))
        except OSError:
            continue
    found = [entry for entry in found if "attacks.py" not in entry[1] and "/proc/" not in entry[1]]
    return f"{found}" if found else None


@attack
def hard_link_to_a_file_of_the_image():
    return must_raise(os.link, "/etc/passwd", "/work/passwd", allowed=(*DENIED, errno.EXDEV))


@attack
def rename_over_a_system_folder():
    os.mkdir("/work/etc")
    return must_raise(os.rename, "/work/etc", "/etc")


@attack
def delete_the_image():
    removed = [path for path in ("/usr/bin/env", "/etc/passwd", "/bin", "/usr")
               if must_raise(os.remove, path, allowed=(*DENIED, errno.EISDIR, errno.EBUSY))]
    return f"{removed}" if removed else None


@attack
def write_through_a_bind():
    return must_raise(open, "/attacks/attacks.py", "a")


@attack
def secret_of_the_host_environment():
    names = [name for name in os.environ if "FLYWHEEL" in name or "SECRET" in name]
    return f"{names}" if names else None


@attack
def dmesg():
    return must_raise(read, "/dev/kmsg")


@attack
def shared_memory_of_the_host():
    """The suite made a System V segment with this key."""
    return must_fail(29, 0x666c7977, 0, 0, allowed=(errno.ENOENT, errno.EPERM))


@attack
def host_name_of_the_machine():
    return None if socket.gethostname() == "box" else socket.gethostname()


# --- controls: what is allowed works ------------------------------------------------------------

@attack
def control_write_own_file():
    return must_raise(open, "/work/mine", "w")


@attack
def control_unix_socket():
    return must_fail(41, 1, 1, 0)


@attack
def control_thread_and_fork():
    child = os.fork()
    if child == 0:
        os._exit(3)
    return f"forked {os.waitpid(child, 0)}"


@attack
def control_read_own_proc():
    return f"{read('/proc/self/status')}"


def main():
    if sys.argv[1] == "--list":
        print("\n".join(ATTACKS))
        return
    got = ATTACKS[sys.argv[1]]()
    print(f"HELD {sys.argv[1]}" if got is None else f"ESCAPED {sys.argv[1]}: {got}", flush=True)


main()
