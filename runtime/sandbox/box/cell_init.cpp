// The init of a container: starts what the host asks for and reaps.
#include <cerrno>
#include <csignal>
#include <map>

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/sandbox/box/cell.hpp"

namespace flywheel {

namespace {

class Init {
 public:
  explicit Init(Cell& cell) : cell_(cell) {}

  [[noreturn]] void serve();

 private:
  void handle(BoxPacket& packet);
  void start_exec(BoxReader& request, BoxPacket& packet);
  void start_worker(BoxReader& request, BoxPacket& packet);
  void signal_exec(BoxReader& request);
  void tell_usage(std::uint64_t number) const;
  void reap();

  Cell& cell_;
  std::map<pid_t, std::uint64_t> supervisors_;  // to the number of their exec
  std::map<pid_t, std::uint64_t> workers_;      // to the number of their request
};

void Init::serve() {
  sigset_t awaited;
  sigemptyset(&awaited);
  sigaddset(&awaited, SIGCHLD);
  sigaddset(&awaited, SIGRTMIN);  // for the supervisors, which inherit the mask
  sigaddset(&awaited, SIGPIPE);
  ::sigprocmask(SIG_BLOCK, &awaited, nullptr);
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  const int signals = ::signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
  BoxPacket packet;
  pollfd watched[2] = {{cell_.control, POLLIN, 0}, {signals, POLLIN, 0}};
  for (;;) {
    if (::poll(watched, 2, -1) < 0 && errno != EINTR) ::_exit(1);
    if (watched[1].revents != 0) {
      signalfd_siginfo info;
      while (::read(signals, &info, sizeof info) > 0) continue;
      reap();
    }
    if (watched[0].revents == 0) continue;
    if (receive_packet(cell_.control, packet) <= 0) ::_exit(0);  // the host is gone: all end
    handle(packet);
    packet.close_all();
  }
}

void Init::handle(BoxPacket& packet) {
  BoxReader request{packet.bytes};
  switch (request.kind()) {
    case BoxMessage::exec:
      start_exec(request, packet);
      break;
    case BoxMessage::exec_signal:
      signal_exec(request);
      break;
    case BoxMessage::pause:
      // All but the init, at one blow: a process that forks at this moment is stopped too.
      answer(cell_.control, request.number(),
             ::kill(-1, SIGSTOP) == 0 || errno == ESRCH ? 0 : errno, "stop its processes");
      break;
    case BoxMessage::resume:
      answer(cell_.control, request.number(),
             ::kill(-1, SIGCONT) == 0 || errno == ESRCH ? 0 : errno, "let its processes go on");
      break;
    case BoxMessage::file:
      start_worker(request, packet);
      break;
    case BoxMessage::usage:
      tell_usage(request.number());
      break;
    case BoxMessage::upper:
      answer(cell_.control, request.number(), 0, {}, cell_.upper);
      break;
    default:
      ::_exit(1);  // the host speaks another language: nothing good can follow
  }
}

void Init::start_exec(BoxReader& request, BoxPacket& packet) {
  CellExec exec;
  exec.number = request.number();
  exec.command = request.texts();
  exec.env = request.texts();
  exec.working_folder = request.text();
  for (std::size_t i = 0; i < 3; ++i) exec.streams[i] = packet.descriptors[i];
  const pid_t supervisor = ::fork();
  if (supervisor == 0) supervise(cell_, exec);
  if (supervisor > 0) {
    supervisors_.emplace(supervisor, exec.number);
    return;
  }
  send_packet(cell_.control, BoxWriter{BoxMessage::exec_refused}
                                 .number(exec.number)
                                 .number32(static_cast<std::uint32_t>(errno))
                                 .text("start a process")
                                 .bytes());
}

void Init::start_worker(BoxReader& request, BoxPacket& packet) {
  BoxReader ahead = request;
  const std::uint64_t number = ahead.number();
  const pid_t worker = ::fork();
  if (worker == 0) work_on_file(cell_, request, packet);
  if (worker > 0)
    workers_.emplace(worker, number);
  else
    answer(cell_.control, number, errno, "start a process");
}

void Init::signal_exec(BoxReader& request) {
  const std::uint64_t number = request.number();
  const auto signal = static_cast<int>(request.number32());
  const bool knows_all = request.number32() != 0;  // the zygote starts commands past the init
  // One exec alone owns every process but this one: all die at one blow, whatever they fork.
  if (signal == 0 && knows_all && supervisors_.size() == 1 &&
      supervisors_.begin()->second == number) {
    ::kill(-1, SIGKILL);
    return;
  }
  for (const auto& [supervisor, exec] : supervisors_) {
    if (exec != number) continue;
    if (signal == 0) ::kill(supervisor, SIGCONT);  // it may be paused; what it kills need not run
    ::sigqueue(supervisor, SIGRTMIN, sigval{signal});
  }
}

void Init::tell_usage(std::uint64_t number) const {
  struct statfs disk {};
  ::fstatfs(cell_.upper, &disk);
  const auto block = static_cast<std::uint64_t>(disk.f_bsize);
  send_packet(cell_.control, BoxWriter{BoxMessage::done}
                                 .number(number)
                                 .number32(0)
                                 .text({})
                                 .number((disk.f_blocks - disk.f_bfree) * block)
                                 .number(disk.f_files - disk.f_ffree)
                                 .bytes());
}

void Init::reap() {
  int status = 0;
  for (pid_t child = 0; (child = ::waitpid(-1, &status, WNOHANG | __WALL)) > 0;) {
    if (const auto worker = workers_.find(child); worker != workers_.end()) {
      if (status != 0) answer(cell_.control, worker->second, EINTR, "its worker was killed");
      workers_.erase(worker);
    }
    const auto found = supervisors_.find(child);
    if (found == supervisors_.end()) continue;
    if (status != 0)
      send_packet(cell_.control,
                  BoxWriter{BoxMessage::supervisor_gone}.number(found->second).bytes());
    supervisors_.erase(found);
  }
}

}  // namespace

void serve_cell(Cell& cell) {
  Init{cell}.serve();
}

}  // namespace flywheel
