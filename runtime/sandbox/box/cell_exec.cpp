// A command and its supervisor. The supervisor is the reaper of all that the command starts, so
// whatever leaves its process group or session is still found.
//
//   init ──fork──▶ supervisor ──fork──▶ the command ──▶ its descendants
//                      ▲ orphans of the command come back here
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/sandbox/box/cell.hpp"
#include "runtime/sandbox/box/confine.hpp"
#include "runtime/sandbox/box_orders.hpp"

namespace flywheel {

namespace {

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

std::string value_of(const std::vector<std::string>& env, std::string_view name) {
  for (const std::string& entry : env)
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=')
      return entry.substr(name.size() + 1);
  return {};
}

// As a shell looks a program up; errno says why there is none.
void execute(const CellExec& exec) {
  const std::vector<char*> arguments = pointers(exec.command);
  const std::vector<char*> environment = pointers(exec.env);
  const std::string& name = exec.command.front();
  if (name.find('/') != std::string::npos) {
    ::execve(name.c_str(), arguments.data(), environment.data());
    return;
  }
  const std::string path = value_of(exec.env, "PATH") + ":";
  int reason = ENOENT;
  for (std::size_t start = 0; start < path.size();) {
    const std::size_t end = path.find(':', start);
    if (end > start) {
      ::execve((path.substr(start, end - start) + "/" + name).c_str(), arguments.data(),
               environment.data());
      if (errno != ENOENT && errno != ENOTDIR) reason = errno;
    }
    start = end + 1;
  }
  errno = reason;
}

void report_end(const Cell& cell, const CellExec& exec, int status, const rusage& used) {
  const auto microseconds = [](const timeval& time) {
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000 +
           static_cast<std::uint64_t>(time.tv_usec);
  };
  send_packet(cell.control, BoxWriter{BoxMessage::exec_ended}
                                .number(exec.number)
                                .number32(static_cast<std::uint32_t>(status))
                                .number(microseconds(used.ru_utime) + microseconds(used.ru_stime))
                                .number(static_cast<std::uint64_t>(used.ru_maxrss) << 10)
                                .bytes());
}

// Kills the direct children; their children come here as orphans and are next.
void kill_children() {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/self/task/%d/children", ::getpid());
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  char text[4096];
  const ssize_t size = ::read(file, text, sizeof text - 1);
  ::close(file);
  text[size < 0 ? 0 : size] = 0;
  for (char* rest = text; *rest != 0;) {
    char* end = nullptr;
    const long child = std::strtol(rest, &end, 10);
    if (end == rest) break;
    ::kill(static_cast<pid_t>(child), SIGKILL);
    rest = end + (*end == ' ' ? 1 : 0);
  }
}

}  // namespace

void refuse_exec(const Cell& cell, const CellExec& exec, int code, const std::string& what) {
  send_packet(cell.control, BoxWriter{BoxMessage::exec_refused}
                                .number(exec.number)
                                .number32(static_cast<std::uint32_t>(code))
                                .text(what)
                                .bytes());
  ::_exit(127);
}

void become_command(const Cell& cell, const CellExec& exec) {
  for (int stream = 0; stream < 3; ++stream)
    if (::dup2(exec.streams[stream], stream) < 0) refuse_exec(cell, exec, errno, "its streams");
  if (::setsid() < 0) refuse_exec(cell, exec, errno, "start a session");
  if (!limit_resources(cell.spec)) refuse_exec(cell, exec, errno, "limit its resources");
  if (!become_user(cell.box->is_root)) refuse_exec(cell, exec, errno, "become its user");
  ::signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::chdir(exec.working_folder.c_str()) != 0)
    refuse_exec(cell, exec, errno, "enter " + exec.working_folder);
  // The supervisor's descriptors are close-on-exec, control among them: refusals still go out.
  ::syscall(SYS_close_range, 3, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */);
}

void supervise(const Cell& cell, const CellExec& exec) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const pid_t command = ::fork();
  if (command == 0) {
    become_command(cell, exec);
    execute(exec);
    refuse_exec(cell, exec, errno, exec.command.front());
  }
  if (command < 0) refuse_exec(cell, exec, errno, "start a process");
  for (const int stream : exec.streams) ::close(stream);
  watch_over(cell, exec, command, -1);
}

void watch_over(const Cell& cell, const CellExec& exec, pid_t command, int orders) {
  sigset_t awaited, all;
  sigemptyset(&awaited);
  sigaddset(&awaited, SIGCHLD);
  sigaddset(&awaited, SIGRTMIN);
  // Where one user has commands and supervisors, a command can signal this process.
  sigfillset(&all);
  ::sigprocmask(SIG_BLOCK, &all, nullptr);
  const int signals = ::signalfd(-1, &awaited, SFD_CLOEXEC | SFD_NONBLOCK);
  pollfd watched[2] = {{signals, POLLIN, 0}, {orders, POLLIN, 0}};
  BoxPacket packet;
  bool is_killing = false;
  const auto obey = [&](int signal) {
    if (signal == 0) {
      is_killing = true;
    } else if (signal == box_stop_all || signal == box_continue_all) {
      ::kill(-1, signal == box_stop_all ? SIGSTOP : SIGCONT);
      send_packet(cell.control, BoxWriter{BoxMessage::exec_started}.number(exec.number).bytes());
    } else if (command > 0 && ::kill(-command, signal) != 0 && errno == ESRCH) {
      ::kill(command, signal);  // it has no session of its own yet
    }
  };
  for (;;) {
    ::poll(watched, 2, is_killing ? 2 : -1);
    signalfd_siginfo info;
    while (::read(signals, &info, sizeof info) == sizeof info)
      if (static_cast<int>(info.ssi_signo) == SIGRTMIN) obey(info.ssi_int);
    if (watched[1].revents != 0) {
      const bool is_order = receive_packet(orders, packet) > 0;
      BoxReader order{packet.bytes};
      if (is_order) order.kind(), order.number();
      obey(is_order ? static_cast<int>(order.number32()) : 0);  // without a host all ends
      if (!is_order) watched[1].fd = -1;
    }
    if (is_killing) kill_children();
    int status = 0;
    rusage used{};
    for (pid_t child = 0; (child = ::wait4(-1, &status, WNOHANG | __WALL, &used)) > 0;) {
      if (child != command) continue;
      command = -1;
      report_end(cell, exec, status, used);
    }
    if (command < 0 && ::wait4(-1, nullptr, WNOHANG | __WALL, nullptr) < 0 && errno == ECHILD)
      ::_exit(0);
  }
}

}  // namespace flywheel
