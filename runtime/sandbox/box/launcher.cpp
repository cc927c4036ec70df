#include "runtime/sandbox/box/launcher.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/sandbox/box/cell.hpp"
#include "runtime/sandbox/box/confine.hpp"

namespace flywheel {

namespace {

constexpr int removal_retry_ms = 5;
constexpr int end_wait_ms_max = 5000;
constexpr const char* oom_score = "300";  // containers go before the host where memory runs out

bool read_program(int file, SeccompProgram& program) {
  struct stat status {};
  if (::fstat(file, &status) != 0 || status.st_size <= 0) return false;
  program.resize(static_cast<std::size_t>(status.st_size) / sizeof(sock_filter));
  const std::size_t size = program.size() * sizeof(sock_filter);
  const bool is_read = ::pread(file, program.data(), size, 0) == static_cast<ssize_t>(size);
  ::close(file);
  return is_read;
}

bool write_file(const std::string& path, const std::string& text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool is_written = ::write(file, text.data(), text.size()) >= 0;
  const int code = errno;
  ::close(file);
  errno = code;
  return is_written;
}

}  // namespace

bool Launcher::open(int filter_closed, int filter_loopback) {
  const auto fail = [this](const BoxError& error) {
    send_packet(host_, BoxWriter{BoxMessage::failed}.text(error.text()).bytes());
    return false;
  };
  if (!read_program(filter_closed, box_.filter_closed) ||
      !read_program(filter_loopback, box_.filter_loopback))
    return fail({"read its seccomp filters", errno});
  write_file("/proc/self/oom_score_adj", oom_score);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // of what the zygote leaves behind
  box_.landlock_abi = landlock_abi();
  box_.null_file = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (box_.null_file < 0) return fail({"open /dev/null", errno});
  cgroups_.open();
  if (BoxError error = stage_.open(mount_point_); error.code != 0) return fail(error);
  const BoxWriter facts = BoxWriter{BoxMessage::launched}
                              .number32(box_.is_root ? 1 : 0)
                              .number32(static_cast<std::uint32_t>(cgroups_.version()))
                              .number32(static_cast<std::uint32_t>(box_.landlock_abi))
                              .text(cgroups_.folders().memory)
                              .text(cgroups_.folders().cpu)
                              .text(cgroups_.folders().cpu_usage)
                              .text(cgroups_.folders().pids);
  return send_packet(host_, facts.bytes()) == 0;
}

bool Launcher::enter_user_namespace() const {
  const BoxError error = flywheel::enter_user_namespace();
  if (error.code == 0) return true;
  send_packet(host_, BoxWriter{BoxMessage::failed}.text(error.text()).bytes());
  return false;
}

void Launcher::serve() {
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &children, nullptr);
  const int signals = ::signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
  pollfd watched[2] = {{host_, POLLIN, 0}, {signals, POLLIN, 0}};
  BoxPacket packet;
  for (;;) {
    const int wait_ms = !ended_.empty() ? removal_retry_ms : stage_.needs_networks() ? 0 : -1;
    const int arrived = ::poll(watched, 2, wait_ms);
    if (arrived < 0 && errno != EINTR) break;
    if (arrived == 0 && stage_.needs_networks()) stage_.fill_networks();
    if (watched[1].revents != 0) {
      signalfd_siginfo info;
      while (::read(signals, &info, sizeof info) > 0) continue;
      reap();
    }
    remove_ended();
    if (watched[0].revents == 0) continue;
    if (receive_packet(host_, packet) <= 0) break;
    handle(packet);
    packet.close_all();
  }
  end_all();
}

void Launcher::handle(BoxPacket& packet) {
  BoxReader request{packet.bytes};
  switch (request.kind()) {
    case BoxMessage::create:
      create(request, packet);
      break;
    case BoxMessage::end_container: {
      const std::uint64_t number = request.number();
      for (const auto& [process, living] : living_)
        if (living.number == number) ::kill(process, SIGKILL);
      break;
    }
    case BoxMessage::zygote_exec:
      start_zygote_exec(request, packet);
      break;
    default:
      break;
  }
}

// Forwards it with what the forked process needs to confine itself (zygote.cpp reads it).
void Launcher::start_zygote_exec(BoxReader& request, BoxPacket& packet) {
  const std::uint64_t container = request.number();
  const auto found = std::find_if(living_.begin(), living_.end(), [&](const auto& entry) {
    return entry.second.number == container;
  });
  const std::uint64_t number = request.number();
  const std::vector<std::string> command = request.texts();
  const std::vector<std::string> env = request.texts();
  const std::string folder = request.text();
  BoxError error{"find its container", ESRCH};
  if (found != living_.end()) {
    const CellSpec& spec = found->second.spec;
    const SeccompProgram& filter = spec.has_loopback ? box_.filter_loopback : box_.filter_closed;
    const BoxWriter forwarded = BoxWriter{}
                                    .text({reinterpret_cast<const char*>(filter.data()),
                                           filter.size() * sizeof(sock_filter)})
                                    .number32(box_.is_root ? 1 : 0)
                                    .number32(static_cast<std::uint32_t>(box_.landlock_abi))
                                    .number32(spec.has_loopback ? 1 : 0)
                                    .number(spec.memory_bytes)
                                    .number32(spec.process_count)
                                    .number(spec.disk_bytes)
                                    .number32(spec.open_file_count)
                                    .text(spec.working_folder)
                                    .texts(found->second.groups.all)
                                    .number(number)
                                    .texts(command)
                                    .texts(env)
                                    .text(folder);
    const int init = static_cast<int>(::syscall(SYS_pidfd_open, found->first, 0));
    const int given[box_descriptors_max] = {packet.descriptors[0], packet.descriptors[1],
                                            packet.descriptors[2], packet.descriptors[3], init};
    error = init < 0 ? BoxError{"find its init", errno}
                     : zygote_.send(forwarded.bytes(), given, box_descriptors_max);
    if (init >= 0) ::close(init);
  }
  if (error.code == 0) return;
  send_packet(packet.descriptors[3], BoxWriter{BoxMessage::exec_refused}
                                         .number(number)
                                         .number32(static_cast<std::uint32_t>(error.code))
                                         .text(error.what)
                                         .bytes());
}

void Launcher::refuse(std::uint64_t number, const BoxError& error) const {
  send_packet(host_, BoxWriter{BoxMessage::refused}.number(number).text(error.text()).bytes());
}

void Launcher::create(BoxReader& request, BoxPacket& packet) {
  CellSpec spec;
  Living living;
  spec.control = packet.descriptors[0];
  BoxError error = prepare(request, spec, living);
  if (error.code == 0) error = launch(spec, living);
  for (const CellBind& bind : spec.binds)
    if (bind.mount >= 0) ::close(bind.mount);
  if (error.code == 0) return;
  refuse(living.number, error);
  forget(living);
}

// What the host sends is written by HostCore::send_create (host_core.cpp).
BoxError Launcher::prepare(BoxReader& request, CellSpec& spec, Living& living) {
  spec.number = living.number = request.number();
  const std::string name = request.text();
  id_base_ = request.number();
  const std::vector<std::string> layers = request.texts();
  spec.shows_usr = request.number32() != 0;
  spec.is_restored = request.number32() != 0;
  spec.has_loopback = request.number32() != 0;
  const std::uint32_t cpu_ms_per_s = request.number32();
  const std::uint64_t memory_bytes = request.number();
  spec.process_count = request.number32();
  spec.disk_bytes = request.number();
  spec.file_count = request.number32();
  spec.open_file_count = request.number32();
  spec.working_folder = request.text();
  const std::vector<std::string> binds = request.texts();  // source, target, source, ...
  if (!cgroups_.limits_memory()) spec.memory_bytes = memory_bytes;

  for (const std::string& path : layers) {
    std::string layer;
    if (BoxError error = stage_.use_layer(path, layer); error.code != 0) return error;
    living.layers.push_back(layer);
    spec.layers += (spec.layers.empty() ? "../" : ":../") + layer;
  }
  for (std::size_t i = 0; i + 1 < binds.size(); i += 2) {
    CellBind& bind = spec.binds.emplace_back();
    bind.target = binds[i + 1];
    if (BoxError error = Stage::bind(binds[i], bind); error.code != 0) return error;
  }
  return cgroups_.create(name, memory_bytes, cpu_ms_per_s, spec.process_count, living.groups);
}

BoxError Launcher::launch(CellSpec& spec, Living& living) {
  int start[2];
  if (::pipe2(start, O_CLOEXEC) != 0) return {"make a pipe", errno};
  spec.start = start[0];
  spec.groups = living.groups.all;
  pid_t process = -1;
  BoxError error = clone_cell(spec, start[1], process);
  ::close(start[0]);
  if (error.code == 0) error = map_ids(process);
  if (error.code == 0 && ::write(start[1], "s", 1) != 1) error = {"start its first process", errno};
  ::close(start[1]);
  if (error.code != 0) {
    if (process > 0) {
      ::kill(process, SIGKILL);
      ::waitpid(process, nullptr, 0);
    }
    return error;
  }
  living.spec.has_loopback = spec.has_loopback;
  living.spec.memory_bytes = spec.memory_bytes;
  living.spec.process_count = spec.process_count;
  living.spec.disk_bytes = spec.disk_bytes;
  living.spec.open_file_count = spec.open_file_count;
  living.spec.working_folder = spec.working_folder;
  living_.emplace(process, std::move(living));
  return {};
}

BoxError Launcher::clone_cell(CellSpec& spec, int start_write, pid_t& process) {
  int network = -1;
  if (spec.has_loopback) {
    if (BoxError error = stage_.take_network(network); error.code != 0) return error;
    if (::setns(network, CLONE_NEWNET) != 0) return {"enter a network namespace", errno};
  }
  const long flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
  process = static_cast<pid_t>(::syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0));
  if (process == 0) {
    ::close(start_write);
    run_cell(box_, std::move(spec));
  }
  const int code = errno;
  if (network >= 0) {
    ::setns(stage_.home_network(), CLONE_NEWNET);
    ::close(network);
  }
  return process > 0 ? BoxError{} : BoxError{"start its first process", code};
}

BoxError Launcher::map_ids(pid_t process) const {
  const std::string folder = "/proc/" + std::to_string(process) + "/";
  std::string map = "0 " + std::to_string(id_base_) + " " + std::to_string(box_id_count);
  if (!box_.is_root) {
    map = std::to_string(box_user) + " 0 1";
    if (!write_file(folder + "setgroups", "deny")) return {"map its ids", errno};
  }
  if (!write_file(folder + "uid_map", map) || !write_file(folder + "gid_map", map))
    return {"map its ids", errno};
  return {};
}

void Launcher::forget(Living& living) {
  for (const std::string& layer : living.layers) stage_.release_layer(layer);
  living.layers.clear();
  cgroups_.remove(living.groups);
}

void Launcher::reap() {
  int status = 0;
  for (pid_t process = 0; (process = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    if (zygote_.is(process)) zygote_.forget();
    const auto found = living_.find(process);
    if (found == living_.end()) continue;  // a supervisor that the zygote left to this process
    found->second.status = status;
    found->second.oom_kill_count = cgroups_.oom_kill_count(found->second.groups);
    ended_.push_back(std::move(found->second));
    living_.erase(found);
  }
}

void Launcher::remove_ended() {
  std::erase_if(ended_, [this](Living& living) {
    forget(living);
    if (!living.groups.all.empty()) return false;
    send_packet(host_, BoxWriter{BoxMessage::container_ended}
                           .number(living.number)
                           .number32(static_cast<std::uint32_t>(living.status))
                           .number32(living.oom_kill_count)
                           .bytes());
    return true;
  });
}

void Launcher::end_all() {
  for (const auto& entry : living_) ::kill(entry.first, SIGKILL);
  const timespec pause{0, removal_retry_ms * 1'000'000};
  for (int waited = 0; waited < end_wait_ms_max; waited += removal_retry_ms) {
    reap();
    std::erase_if(ended_, [this](Living& living) { return cgroups_.remove(living.groups); });
    if (living_.empty() && ended_.empty()) break;
    ::nanosleep(&pause, nullptr);
  }
  cgroups_.close();
}

}  // namespace flywheel
