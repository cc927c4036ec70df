// Bombs: each costs a bounded amount, ends in a named way, and leaves its container usable.
#include <csignal>
#include <fstream>
#include <thread>

#include <sys/resource.h>

#include "tests/system/sandbox/attack_lab.hpp"

namespace flywheel {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

namespace {

struct Bomb {
  const char* name;
  const char* script;  // of python3
};

// Each runs for at most two seconds of wall time in small limits.
constexpr Bomb bombs[] = {
    {"fork", "import os\nwhile True:\n try: os.fork()\n except OSError: pass"},
    {"fork and exec",
     "import os\nwhile True:\n try:\n  if os.fork() == 0: os.execvp('sleep', ['sleep', '9'])\n"
     " except OSError: pass"},
    {"daemons",
     "import os\nwhile True:\n try:\n  if os.fork() == 0:\n   os.setsid()\n   if os.fork(): "
     "os._exit(0)\n"
     " except OSError: pass"},
    {"vfork chain",
     "import subprocess\nwhile True:\n try: subprocess.Popen(['sleep', '9'])\n except OSError: "
     "pass"},
    {"threads",
     "import threading, time\nwhile True:\n try: threading.Thread(target=time.sleep, "
     "args=(9,)).start()\n"
     " except RuntimeError: pass"},
    {"zombies",
     "import os\nwhile True:\n try:\n  if os.fork() == 0: os._exit(0)\n except OSError: pass"},
    {"memory", "x = []\nwhile True: x.append(bytearray(1 << 20))"},
    {"memory of many processes",
     "import os\nfor i in range(8):\n if os.fork() == 0: break\nx = []\n"
     "while True: x.append(bytearray(1 << 20))"},
    {"memory by mappings",
     "import mmap\nx = []\nwhile True:\n m = mmap.mmap(-1, 1 << 22)\n"
     " m.write(bytes(1 << 22)); x.append(m)"},
    {"memory by memfd",
     "import os\nf = os.memfd_create('x')\nwhile True: os.write(f, bytes(1 << 20))"},
    {"memory by pipes",
     "import os\nx = []\nwhile True:\n try:\n  r, w = os.pipe(); os.set_blocking(w, False)\n"
     "  os.write(w, bytes(65536)); x.append((r, w))\n except OSError: pass"},
    {"memory by sockets",
     "import socket\nx = []\nwhile True:\n try:\n  a, b = socket.socketpair(); "
     "a.setblocking(False)\n"
     "  a.send(bytes(200000)); x.append((a, b))\n except OSError: pass"},
    {"shared memory",
     "i = 0\nwhile True:\n try:\n  i += 1; open(f'/dev/shm/{i}', 'wb').write(bytes(1 << 20))\n"
     " except OSError: pass"},
    {"disk",
     "f = open('/work/big', 'wb')\nwhile True:\n try: f.write(bytes(1 << 20)); f.flush()\n except "
     "OSError: pass"},
    {"disk by sparse files",
     "import os\ni = 0\nwhile True:\n i += 1\n try:\n  with open(f'/work/{i}', 'wb') as f:\n"
     "   f.truncate(1 << 40)\n   os.pwrite(f.fileno(), b'x' * 65536, 1 << 20)\n"
     " except OSError: pass"},
    {"disk by fallocate",
     "import os\nf = os.open('/work/big', os.O_CREAT | os.O_RDWR)\ni = 0\nwhile True:\n"
     " try: os.posix_fallocate(f, i << 20, 1 << 20)\n except OSError: pass\n i += 1"},
    {"inodes",
     "i = 0\nwhile True:\n try:\n  i += 1; open(f'/tmp/{i}', 'w').close()\n except OSError: pass"},
    {"folders",
     "import os\nwhile True:\n try: os.mkdir('d'); os.chdir('d')\n except OSError: pass"},
    {"hard links",
     "import os\nopen('a', 'w').close()\ni = 0\nwhile True:\n try:\n  i += 1; os.link('a', "
     "f'l{i}')\n"
     " except OSError: pass"},
    {"attributes",
     "import os\nopen('a', 'w').close()\ni = 0\nwhile True:\n try:\n  i += 1\n"
     "  os.setxattr('a', f'user.{i}', bytes(60000))\n except OSError: pass"},
    {"descriptors", "import os\nwhile True:\n try: os.open('/dev/null', 0)\n except OSError: pass"},
    {"watches",
     "import ctypes, os\nc = ctypes.CDLL(None)\nwhile True:\n f = c.inotify_init()\n"
     " c.inotify_add_watch(f, b'/work', 0xfff)"},
    {"timers",
     "import ctypes\nc = ctypes.CDLL(None)\nt = ctypes.c_void_p()\nwhile True: c.timer_create(1, "
     "None, ctypes.byref(t))"},
    {"message queues",
     "import ctypes\nc = ctypes.CDLL(None)\ni = 0\nwhile True:\n i += 1\n q = c.msgget(i, 0o1666)\n"
     " c.msgsnd(q, bytes(8192), 8000, 0o4000)"},
    {"semaphores", "import ctypes\nc = ctypes.CDLL(None)\nwhile True: c.semget(0, 250, 0o1666)"},
    {"system v memory",
     "import ctypes\nc = ctypes.CDLL(None)\nc.shmat.restype = ctypes.c_void_p\nwhile True:\n"
     " i = c.shmget(0, 1 << 24, 0o1666); p = c.shmat(i, None, 0)\n"
     " if p and p != 2**64 - 1: ctypes.memset(p, 1, 1 << 24)"},
    {"terminals",
     "import os\nx = []\nwhile True:\n try: x.append(os.openpty())\n except OSError: pass"},
    {"output", "import os\nwhile True: os.write(1, bytes(1 << 16))"},
    {"error output", "import os\nwhile True: os.write(2, b'x' * (1 << 16))"},
    {"one endless line", "import sys\nwhile True: sys.stdout.write('x' * 100000)"},
    {"silence", "import time\ntime.sleep(1000)"},
    {"ignored signals",
     "import signal, time\nfor s in range(1, 65):\n try: signal.signal(s, signal.SIG_IGN)\n"
     " except (OSError, ValueError): pass\nwhile True: time.sleep(1)"},
    {"stopped by itself", "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)"},
    {"signals to all",
     "import os, signal\nsignal.signal(15, signal.SIG_IGN)\nwhile True:\n"
     " try: os.kill(-1, 15)\n except OSError: pass"},
    {"zip",
     "import zlib\nd = zlib.compress(bytes(1 << 26), 9)\nx = []\nwhile True: "
     "x.append(zlib.decompress(d))"},
    {"deep json",
     "import json\nwhile True:\n try: json.loads('[' * 1000000)\n except RecursionError: pass"},
    {"regular expression", "import re\nre.match('(a+)+$', 'a' * 64 + 'b')"},
    {"stack",
     "import sys, threading\nsys.setrecursionlimit(10**9)\nthreading.stack_size(1 << 26)\n"
     "def f(): f()\nwhile True:\n t = threading.Thread(target=f); t.start(); t.join()"},
    {"cpu", "while True: pass"},
};

std::uint64_t peak_kib() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return static_cast<std::uint64_t>(used.ru_maxrss);
}

// A field of /proc/PID/status, without its tab; empty where the process is gone.
std::string status_field(pid_t process, const std::string& name) {
  std::ifstream file{"/proc/" + std::to_string(process) + "/status"};
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(name + ":\t")) return line.substr(name.size() + 2);
  return {};
}

// The host's pid of the init of a container, whose parent is the launcher, a child of this process;
// other hosts of this machine have inits, too.
pid_t host_pid_of_init() {
  for (const auto& entry : std::filesystem::directory_iterator{"/proc"}) {
    const auto process =
        static_cast<pid_t>(std::strtol(entry.path().filename().c_str(), nullptr, 10));
    if (process == 0 || status_field(process, "Name") != "flywheel_box") continue;
    if (!status_field(process, "NSpid").ends_with("\t1")) continue;
    const auto launcher =
        static_cast<pid_t>(std::strtol(status_field(process, "PPid").c_str(), nullptr, 10));
    if (status_field(launcher, "PPid") == std::to_string(::getpid())) return process;
  }
  return -1;
}

}  // namespace

TEST_CASE_FIXTURE(AttackLab, "every bomb is bounded and its container works afterwards") {
  const SandboxLimits small{.memory_bytes = 96 << 20,
                            .process_count = 32,
                            .disk_bytes = 16 << 20,
                            .file_count = 2000,
                            .open_file_count = 128};
  const std::uint64_t before_kib = peak_kib();
  for (const Bomb& bomb : bombs) {
    const std::string name = bomb.name;
    CAPTURE(name);
    const auto container = create({.limits = small});
    const auto start = SteadyClock::now();

    const ExecResult result = run(*container, {.command = {"python3", "-c", bomb.script},
                                               .wall_time_max = milliseconds{700},
                                               .output_bytes_max = 4096});

    CHECK(SteadyClock::now() - start < milliseconds{6000});
    CHECK(result.output.size() < 5000);
    // Whatever ended it has a name, and none of them is a broken container.
    CHECK(result.end != ExecEnd::container_gone);
    CHECK(result.end != ExecEnd::not_started);
    shell(*container, "rm -rf /work/* /tmp/* /dev/shm/*");
    INFO(to_string(result.end), " ", container->reason());
    CHECK(is_alive(*container));
    end(*container);
    CHECK(container->state() == ContainerState::killed);
  }
  CHECK(peak_kib() - before_kib < 64 << 10);
}

TEST_CASE_FIXTURE(AttackLab, "one container's bomb leaves another at work") {
  const auto bomber = create({.limits = {.process_count = 64}});
  const auto worker = create();
  const auto bomb = *bomber->start({.command = {"sh", "-c", "f() { f | f & }; f; sleep 9"}}, {});

  for (int i = 0; i < 10; ++i) {
    const auto start = SteadyClock::now();
    CHECK(is_alive(*worker));
    CHECK(SteadyClock::now() - start < milliseconds{2000});
  }
  end(*bomber);
  end(*worker);
}

TEST_CASE_FIXTURE(AttackLab, "a detached daemon dies with its container") {
  const auto container = create();
  shell(*container,
        "setsid nohup sh -c 'while :; do sleep 0.05; done' >/dev/null 2>&1 </dev/null &");

  end(*container);

  CHECK(container->state() == ContainerState::killed);
}

TEST_CASE_FIXTURE(AttackLab, "a command that kills everything it can reach ends in a named state") {
  const auto container = create();

  shell(*container, "kill -9 -1; kill -9 1", milliseconds{2000});

  // Where the supervisor has another user it lives; else the container says what was done to it.
  const bool is_alive_still = is_alive(*container);
  if (host->facts().is_root) CHECK(is_alive_still);
  for (int i = 0; i < 3000 && !is_alive_still && !is_ended(container->state()); ++i) ::usleep(1000);
  CHECK((is_alive_still || container->reason().find("lost its supervisor") != std::string::npos));
  end(*container);
}

TEST_CASE_FIXTURE(AttackLab, "an init that is killed from outside is a named end") {
  const auto container = create();
  const auto exec = *container->start({.command = {"sleep", "60"}}, {});
  const pid_t init = host_pid_of_init();
  REQUIRE(init > 1);

  CHECK(::kill(init, SIGKILL) == 0);
  const ExecResult result = exec->wait();
  for (int i = 0; i < 3000 && !is_ended(container->state()); ++i) ::usleep(1000);

  CHECK(result.end == ExecEnd::container_gone);
  CHECK(container->state() == ContainerState::killed);
  CHECK(container->reason() == "its init was killed from outside");
}

TEST_CASE_FIXTURE(AttackLab, "a flood of input is bounded by what the command reads") {
  const auto container = create();
  const auto exec = *container->start({.command = {"sleep", "5"}, .keeps_input_open = true}, {});
  const std::string part(1 << 20, 'x');

  int taken = 0;
  while (taken < 100 && exec->write_input(part)) ++taken;

  CHECK(taken >= 4);
  CHECK(taken <= 6);
  end(*container);
}

TEST_CASE_FIXTURE(AttackLab, "an owner that vanishes while output streams leaves nothing") {
  {
    const auto container = create();
    const auto exec = container->start({.command = {"yes"}}, {});
    ::usleep(20'000);
  }
  for (int i = 0; i < 5000 && host->container_count() > 0; ++i) ::usleep(1000);
  CHECK(host->container_count() == 0);
}

}  // namespace flywheel
