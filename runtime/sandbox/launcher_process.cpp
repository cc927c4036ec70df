// The launcher as the host sees it: a child process at the other end of a socket.
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "runtime/base/log.hpp"
#include "runtime/sandbox/host_core.hpp"
#include "runtime/sandbox/seccomp_filter.hpp"

namespace flywheel {

namespace {

namespace fs = std::filesystem;

constexpr int launch_time_ms_max = 10'000;
constexpr int packets_a_turn = 32;
constexpr std::chrono::seconds relaunch_pause{1};  // between two starts by themselves

Result<std::string> find_box(const std::string& configured) {
  if (!configured.empty()) return configured;
  std::error_code code;
  // Tests run from folders below the one that the program is built in.
  fs::path folder = fs::read_symlink("/proc/self/exe", code).parent_path();
  for (int level = 0; level < 6; ++level, folder = folder.parent_path())
    if (fs::exists(folder / "flywheel_box", code)) return (folder / "flywheel_box").string();
  return fail(Failure::not_found,
              "sandbox: flywheel_box is not beside the program; build it, or name its path");
}

Result<Descriptor> memory_file(const std::string& bytes) {
  Descriptor file{::memfd_create("flywheel", MFD_CLOEXEC)};
  if (!file ||
      ::write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
    return fail(Failure::unavailable, "sandbox: no memory file can be made");
  return file;
}

// The child gets the descriptors as 3, 4 and 5, /dev/null as 0 and 1, and nothing else.
Result<pid_t> spawn_box(const std::string& program, const std::string& mount_point,
                        const std::array<int, 3>& given) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  // First up, out of the way of one another, then down to their places.
  std::array<Descriptor, 3> high;
  for (std::size_t i = 0; i < given.size(); ++i)
    high[i].reset(::fcntl(given[i], F_DUPFD_CLOEXEC, 16));
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
  posix_spawn_file_actions_adddup2(&actions, 0, 1);
  for (std::size_t i = 0; i < given.size(); ++i)
    posix_spawn_file_actions_adddup2(&actions, high[i].get(), static_cast<int>(3 + i));
  posix_spawn_file_actions_addclosefrom_np(&actions, 6);

  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  // A process group of its own: Ctrl-C is for the host, which then ends it.
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  std::string name = "flywheel_box";
  std::string folder = mount_point;
  char* const arguments[] = {name.data(), folder.data(), nullptr};
  char* const environment[] = {nullptr};
  pid_t process = -1;
  const int code =
      ::posix_spawn(&process, program.c_str(), &actions, &attributes, arguments, environment);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (code != 0)
    return fail(Failure::unavailable,
                "sandbox: " + program + " can't be started: " + std::strerror(code));
  return process;
}

}  // namespace

Result<> HostCore::make_filters() {
  FLYWHEEL_TRY(const std::string closed, make_seccomp_filter(SandboxNetwork::none));
  FLYWHEEL_TRY(const std::string loopback, make_seccomp_filter(SandboxNetwork::loopback));
  FLYWHEEL_TRY(filter_closed_, memory_file(closed));
  FLYWHEEL_TRY(filter_loopback_, memory_file(loopback));
  return {};
}

Result<> HostCore::start_launcher() {
  FLYWHEEL_TRY(const std::string program, find_box(config_.box_program));
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return fail(Failure::unavailable,
                std::string{"sandbox: no socket can be made: "} + std::strerror(errno));
  launcher_.reset(ends[0]);
  const Descriptor given{ends[1]};
  auto process = spawn_box(program, config_.state_folder + "/stage",
                           {given.get(), filter_closed_.get(), filter_loopback_.get()});
  if (!process) {
    launcher_.reset();
    return fail(process.error());
  }
  {
    const std::lock_guard lock{mutex_};
    launcher_process_ = *process;
    launched_at_ = std::chrono::steady_clock::now();
  }
  if (auto launched = await_launch(); !launched) {
    launcher_.reset();
    ::kill(*process, SIGKILL);
    ::waitpid(*process, nullptr, 0);
    const std::lock_guard lock{mutex_};
    launcher_process_ = -1;
    return launched;
  }
  ::fcntl(launcher_.get(), F_SETFL, O_NONBLOCK);
  launcher_watch_ =
      loop_->watch(launcher_.get(), EPOLLIN, [this](std::uint32_t) { on_launcher(); });
  return {};
}

Result<> HostCore::await_launch() {
  pollfd readable{launcher_.get(), POLLIN, 0};
  BoxPacket packet;
  if (::poll(&readable, 1, launch_time_ms_max) <= 0 || receive_packet(launcher_.get(), packet) <= 0)
    return fail(Failure::unavailable, "sandbox: flywheel_box did not start; see standard error");
  BoxReader message{packet.bytes};
  if (message.kind() != BoxMessage::launched)
    return fail(Failure::unavailable, "sandbox: this machine gives no sandbox: " + message.text());
  SandboxFacts facts;
  facts.is_root = message.number32() != 0;
  facts.cgroups = static_cast<CgroupBackend>(message.number32());
  facts.landlock_abi = static_cast<int>(message.number32());
  Groups groups;
  groups.memory = message.text();
  facts.limits_cpu = !message.text().empty();
  groups.cpu_usage = message.text();
  groups.pids = message.text();
  facts.limits_memory = !groups.memory.empty();
  facts.limits_processes = !groups.pids.empty();
  utsname kernel{};
  if (::uname(&kernel) == 0) facts.kernel = kernel.release;
  if (!facts.is_root)
    facts.warnings.emplace_back("not root: commands and their supervisors share one user");
  if (!facts.limits_memory)
    facts.warnings.emplace_back(
        "no writable memory cgroup: memory is limited as address space of each process");
  if (!facts.limits_cpu)
    facts.warnings.emplace_back("no writable cpu cgroup: CPU time is not limited");
  if (facts.landlock_abi < 6)
    facts.warnings.emplace_back("no Landlock scopes: abstract unix sockets reach other containers");
  const std::lock_guard lock{mutex_};
  facts_ = std::move(facts);
  groups_ = std::move(groups);
  return {};
}

void HostCore::on_launcher() {
  BoxPacket packet;
  for (int count = 0; count < packets_a_turn; ++count) {
    const int received = receive_packet(launcher_.get(), packet);
    if (received < 0 && errno == EAGAIN) return;
    if (received <= 0) return on_launcher_end();
    on_launcher_packet(packet);
    packet.close_all();
  }
}

void HostCore::on_launcher_packet(BoxPacket& packet) {
  BoxReader message{packet.bytes};
  const BoxMessage kind = message.kind();
  const auto told = container(message.number());
  if (!told) return;
  if (kind == BoxMessage::refused) {
    told->on_refused(message.text());
  } else if (kind == BoxMessage::container_ended) {
    const auto status = static_cast<int>(message.number32());
    told->on_ended(status, message.number32());
  }
}

// Every init dies with the launcher; the next one, started here or by the next create(), sweeps its
// cgroups.
void HostCore::on_launcher_end() {
  pid_t process = -1;
  {
    const std::lock_guard lock{launcher_mutex_};
    loop_->unwatch(std::exchange(launcher_watch_, 0), launcher_.get());
    launcher_.reset();
  }
  std::vector<std::shared_ptr<ContainerCore>> all;
  {
    const std::lock_guard lock{mutex_};
    process = launcher_process_;
    for (const auto& entry : containers_) all.push_back(entry.second);
    if (!is_closing_) log_warning("flywheel_box ended; {} containers ended with it", all.size());
  }
  // It has closed its socket, so it is gone or about to be: it does nothing after that.
  if (process > 0) ::waitpid(process, nullptr, 0);
  for (const auto& each : all) each->on_launcher_gone();
  bool is_wanted = false;
  {
    const std::lock_guard lock{mutex_};
    launcher_process_ = -1;
    is_wanted = !is_closing_ && std::chrono::steady_clock::now() - launched_at_ > relaunch_pause;
    has_changed_.notify_all();
  }
  if (!is_wanted) return;
  const std::lock_guard lock{launcher_mutex_};
  if (launcher_) return;
  if (const auto started = start_launcher(); !started) log_warning("{}", started.error().message);
}

}  // namespace flywheel
