// The part of the Python zygote that is not Python: a library that the interpreter loads.
//
//   launcher ──request──▶ zygote ──fork──▶ joins the container ──fork──▶ supervisor ──fork──▶ code
//
// The zygote never runs anybody's code: it loads the standard library and waits. What it forks has
// joined the container's namespaces and cgroups and is confined as commands are before it returns
// to the interpreter.
#include <cerrno>
#include <chrono>
#include <csignal>
#include <map>
#include <string>
#include <vector>

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/sandbox/box/cell.hpp"
#include "runtime/sandbox/box/confine.hpp"

namespace flywheel {

namespace {

constexpr std::chrono::seconds join_time_max{1};
constexpr std::size_t joining_count_max = 256;
constexpr int joining_look_ms = 5;
constexpr int channel_place = 3;  // where supervisors keep their socket to the host

// Those that join a container and fork there. That is short, but a container that has used up its
// CPU time holds them up, and must hold up nobody else's: they are not waited for, and killed when
// their time is over.
class Joining {
 public:
  bool is_empty() const { return deadlines_.empty(); }
  bool is_full() const { return deadlines_.size() >= joining_count_max; }
  void add(pid_t process) { deadlines_[process] = Clock::now() + join_time_max; }

  void look() {
    for (pid_t process = 0; (process = ::waitpid(-1, nullptr, WNOHANG)) > 0;)
      deadlines_.erase(process);
    const auto now = Clock::now();
    for (auto& [process, deadline] : deadlines_) {
      if (deadline > now) continue;
      ::kill(process, SIGKILL);
      deadline = Clock::time_point::max();  // to be collected only
    }
  }

 private:
  using Clock = std::chrono::steady_clock;
  std::map<pid_t, Clock::time_point> deadlines_;
};

CellExec current;  // of the forked process that returned to the interpreter

struct Request {
  Box box{};
  CellSpec spec{};
  std::vector<std::string> groups{};
  CellExec exec{};
};

// Launcher::start_zygote_exec writes it.
Request read_request(BoxPacket& packet) {
  BoxReader reader{packet.bytes};
  Request request;
  const std::string filter = reader.text();
  request.box.filter_closed.resize(filter.size() / sizeof(sock_filter));
  filter.copy(reinterpret_cast<char*>(request.box.filter_closed.data()), filter.size());
  request.box.filter_loopback = request.box.filter_closed;
  request.box.is_root = reader.number32() != 0;
  request.box.landlock_abi = static_cast<int>(reader.number32());
  request.spec.has_loopback = reader.number32() != 0;
  request.spec.memory_bytes = reader.number();
  request.spec.process_count = reader.number32();
  request.spec.disk_bytes = reader.number();
  request.spec.open_file_count = reader.number32();
  request.spec.working_folder = reader.text();
  request.groups = reader.texts();
  request.exec.number = reader.number();
  request.exec.command = reader.texts();
  request.exec.env = reader.texts();
  request.exec.working_folder = reader.text();
  for (std::size_t i = 0; i < 3; ++i) request.exec.streams[i] = packet.descriptors[i];
  return request;
}

BoxError join_container(const Request& request, int init) {
  if (BoxError error = join_groups(request.groups); error.code != 0) return error;
  const int namespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
                         CLONE_NEWNET | CLONE_NEWCGROUP;
  if (::setns(init, namespaces) != 0) return {"join its namespaces", errno};
  if (request.box.is_root &&
      (::setgroups(0, nullptr) != 0 || ::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0))
    return {"become the root of its user namespace", errno};
  if (::prctl(PR_SET_DUMPABLE, 0) != 0) return {"close itself to debuggers", errno};
  return {};
}

// In the container's process namespace. Returns in the process that runs the code.
void start_code(Cell& cell, const CellExec& exec) {
  ::setsid();
  ::syscall(SYS_close_range, channel_place + 4, ~0U, 0);  // the streams lie in between
  if (const BoxError error = confine_init(cell); error.code != 0)
    refuse_exec(cell, exec, error.code, error.what);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const pid_t command = ::fork();
  if (command < 0) refuse_exec(cell, exec, errno, "start a process");
  if (command > 0) {
    for (const int stream : exec.streams) ::close(stream);
    for (int stream = 0; stream < 3; ++stream) ::close(stream);
    send_packet(cell.control, BoxWriter{BoxMessage::exec_started}.number(exec.number).bytes());
    watch_over(cell, exec, command, cell.control);
  }
  become_command(cell, exec);
  ::signal(SIGPIPE, SIG_IGN);  // as the interpreter has it: a broken pipe is an exception there
  ::syscall(SYS_close_range, channel_place, ~0U, 0);
  ::prctl(PR_SET_DUMPABLE, 1);  // as after an execve: its own files in /proc are its own again
  current = exec;
}

// Puts what the process keeps in known places: 3 the channel, 4 to 6 the streams.
bool place_descriptors(BoxPacket& packet, CellExec& exec) {
  constexpr int high = 64;
  int kept[4];
  for (std::size_t i = 0; i < 4; ++i) {
    kept[i] = ::fcntl(packet.descriptors[i == 0 ? 3 : i - 1], F_DUPFD_CLOEXEC, high);
    if (kept[i] < 0) return false;
  }
  for (int i = 0; i < 4; ++i) {
    if (::dup3(kept[i], channel_place + i, O_CLOEXEC) < 0) return false;
    if (i > 0) exec.streams[i - 1] = channel_place + i;
  }
  return true;
}

// False in the zygote, true in the process that runs the code.
bool handle(BoxPacket& packet, Joining& joining) {
  const pid_t process = ::fork();
  if (process != 0) {
    packet.close_all();
    if (process > 0) joining.add(process);
    return false;
  }
  Request request = read_request(packet);
  Cell cell{&request.box, request.spec};
  cell.control = packet.descriptors[3];
  if (const BoxError error = join_container(request, packet.descriptors[4]); error.code != 0)
    refuse_exec(cell, request.exec, error.code, error.what);
  const pid_t supervisor = ::fork();
  if (supervisor < 0) refuse_exec(cell, request.exec, errno, "start a process");
  if (supervisor > 0) ::_exit(0);
  if (!place_descriptors(packet, request.exec)) ::_exit(1);
  cell.control = channel_place;
  start_code(cell, request.exec);
  return true;
}

bool serve(int launcher) {
  Joining joining;
  BoxPacket packet;
  for (;;) {
    pollfd request{joining.is_full() ? -1 : launcher, POLLIN, 0};
    ::poll(&request, 1, joining.is_empty() ? -1 : joining_look_ms);
    joining.look();
    if (request.revents == 0) continue;
    if (receive_packet(launcher, packet) <= 0) return false;
    if (handle(packet, joining)) return true;
  }
}

}  // namespace

}  // namespace flywheel

// What the interpreter calls, by ctypes.
#define FLYWHEEL_EXPORTED __attribute__((visibility("default")))

extern "C" {

// Serves the launcher; returns 1 in the process that is to run `current`, 0 when all is over.
FLYWHEEL_EXPORTED int flywheel_zygote_serve(int launcher) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  return flywheel::serve(launcher) ? 1 : 0;
}

FLYWHEEL_EXPORTED int flywheel_zygote_count(int of_environment) {
  return static_cast<int>(of_environment != 0 ? flywheel::current.env.size()
                                              : flywheel::current.command.size());
}

FLYWHEEL_EXPORTED const char* flywheel_zygote_text(int of_environment, int index) {
  const auto& texts = of_environment != 0 ? flywheel::current.env : flywheel::current.command;
  return texts.at(static_cast<std::size_t>(index)).c_str();
}
}
