#include "runtime/sandbox/container_core.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "runtime/base/file.hpp"
#include "runtime/sandbox/host_core.hpp"

namespace flywheel {

namespace {

constexpr std::chrono::seconds answer_time_max{25};  // above the 20 s a worker of the init has
constexpr std::chrono::seconds end_time_max{30};
constexpr std::size_t output_bytes_max = 64 << 20;

constexpr std::array<const char*, 6> default_env{
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/home/user",
    "USER=user",
    "LANG=C.UTF-8",
    "TMPDIR=/tmp",
    "TERM=dumb"};

// What the Python part of the zygote understands; everything else starts an interpreter.
bool can_fork(const ExecSpec& spec) {
  if (!spec.uses_zygote || spec.command.size() < 2) return false;
  const std::string program = spec.command[0].substr(spec.command[0].rfind('/') + 1);
  if (program != "python3" && program != "python") return false;
  return spec.command[1] == "-c" ? spec.command.size() >= 3 : !spec.command[1].starts_with('-');
}

void set_variables(std::vector<std::string>& env, const std::vector<std::string>& entries) {
  for (const std::string& entry : entries) {
    const std::string name = entry.substr(0, entry.find('=') + 1);
    std::erase_if(env, [&](const std::string& old) { return old.starts_with(name); });
    env.push_back(entry);
  }
}

// The number behind a word of a cgroup's file; the first number where the word is empty.
std::uint64_t figure_of(const std::string& path, const std::string& word) {
  const auto text = read_file(path);
  if (!text) return 0;
  const std::size_t at = word.empty() ? 0 : text->find(word + " ");
  if (at == std::string::npos) return 0;
  return std::strtoull(text->c_str() + at + (word.empty() ? 0 : word.size() + 1), nullptr, 10);
}

}  // namespace

ContainerCore::ContainerCore(std::shared_ptr<HostCore> host, std::uint64_t number, SandboxSpec spec,
                             ContainerOrigin origin)
    : host_(std::move(host)),
      number_(number),
      id_(fmt::format("box_{}", number)),
      spec_(std::move(spec)),
      origin_(std::move(origin)) {}

ContainerCore::~ContainerCore() {
  host_->loop()->unwatch(control_watch_, control_.get());
}

Result<> ContainerCore::open(Descriptor& given) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return fail(Failure::resource_exhausted,
                id_ + ": no socket can be made: " + std::strerror(errno));
  control_.reset(ends[0]);
  given.reset(ends[1]);
  ::fcntl(control_.get(), F_SETFL, O_NONBLOCK);
  control_watch_ =
      host_->loop()->watch(control_.get(), EPOLLIN, [weak = weak_from_this()](std::uint32_t) {
        if (const auto self = weak.lock()) self->on_control();
      });
  return {};
}

Result<> ContainerCore::wait_until_ready(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock{mutex_};
  // Not until it is only stopping: why, the launcher says after its socket is closed.
  const bool is_decided = has_changed_.wait_until(
      lock, deadline, [this] { return state_ == ContainerState::running || is_ended(state_); });
  if (state_ == ContainerState::running) return {};
  const std::string why = reason_;
  lock.unlock();
  if (!is_decided) {
    request_end(ContainerState::failed, "it was not ready in time");
    return fail(Failure::deadline_exceeded, id_ + ": it was not ready in time; is the host busy?");
  }
  return fail(Failure::unavailable, id_ + ": can't be made: " + why);
}

ContainerState ContainerCore::state() const {
  const std::lock_guard lock{mutex_};
  return state_;
}

std::string ContainerCore::reason() const {
  const std::lock_guard lock{mutex_};
  return reason_;
}

Result<> ContainerCore::expect_running() const {
  if (state_ == ContainerState::running) return {};
  if (state_ == ContainerState::paused)
    return fail(Failure::unavailable, id_ + ": it is paused; resume it first");
  return fail(Failure::unavailable,
              id_ + ": it is " + to_string(state_) + (reason_.empty() ? "" : ": " + reason_));
}

Result<ExecSpec> ContainerCore::complete(ExecSpec spec) const {
  const auto has_nul = [](const std::string& text) { return text.find('\0') != std::string::npos; };
  if (spec.command.empty() || spec.command.front().empty())
    return fail(Failure::invalid_argument, "exec: the command is empty");
  if (std::any_of(spec.command.begin(), spec.command.end(), has_nul) ||
      std::any_of(spec.env.begin(), spec.env.end(), has_nul) || has_nul(spec.working_folder))
    return fail(Failure::invalid_argument, "exec: a command can't hold a NUL byte");
  if (spec.wall_time_max.count() < 1 || spec.wall_time_max > std::chrono::hours{24 * 7})
    return fail(Failure::invalid_argument, "exec: wall_time_max must be 1 ms to 7 days");
  if (spec.silence_max.count() < 0)
    return fail(Failure::invalid_argument, "exec: silence_max must be 0 (no bound) or more");
  if (spec.output_bytes_max > output_bytes_max)
    return fail(Failure::invalid_argument, "exec: output_bytes_max must be at most 64 MiB");
  std::vector<std::string> env{default_env.begin(), default_env.end()};
  set_variables(env, spec_.env);
  set_variables(env, spec.env);
  spec.env = std::move(env);
  if (!spec.working_folder.starts_with('/'))
    spec.working_folder =
        spec_.working_folder + (spec.working_folder.empty() ? "" : "/" + spec.working_folder);
  return spec;
}

Result<std::shared_ptr<ExecCore>> ContainerCore::start(const ExecSpec& given_spec,
                                                       ExecObserver observer) {
  FLYWHEEL_TRY(const ExecSpec spec, complete(given_spec));
  std::array<Descriptor, 3> streams;
  std::shared_ptr<ExecCore> exec;
  const std::uint32_t oom_kill_count_before = oom_kill_count();
  {
    std::unique_lock lock{mutex_};
    FLYWHEEL_TRY_VOID(wait_to_start(lock));
    // What was killed before is not for this command, where no other is left that it may be for.
    if (execs_.empty())
      oom_kill_count_seen_ = std::max(oom_kill_count_seen_, oom_kill_count_before);
    exec = std::make_shared<ExecCore>(host_->loop(), weak_from_this(), next_number_++, spec,
                                      std::move(observer));
    FLYWHEEL_TRY_VOID(exec->open(host_->null_file(), streams));
    execs_.emplace(exec->number(), exec);
    ++sending_count_;
  }
  const int given[3] = {streams[0].get(), streams[1].get(), streams[2].get()};
  const auto sent = send_exec(spec, *exec, given);
  {
    const std::lock_guard lock{mutex_};
    --sending_count_;
    if (is_held_) has_changed_.notify_all();
  }
  if (!sent) {
    forget_exec(exec->number());
    return fail(sent.error());
  }
  exec->begin();
  return exec;
}

Result<> ContainerCore::wait_to_start(std::unique_lock<std::mutex>& lock) {
  has_changed_.wait_for(lock, answer_time_max,
                        [this] { return !is_held_ || state_ != ContainerState::running; });
  if (is_held_ && state_ == ContainerState::running)
    return fail(Failure::unavailable, id_ + ": it is about to be paused; come back");
  return expect_running();
}

Result<> ContainerCore::send_exec(const ExecSpec& spec, ExecCore& exec, const int* streams) {
  const auto failed = [this](int code) {
    if (code == EMSGSIZE)
      return fail(Failure::invalid_argument,
                  "exec: command and environment are over 160 KiB; put the data into a file");
    return fail(Failure::unavailable, id_ + ": can't be reached: " + std::strerror(code));
  };
  BoxWriter arguments;
  arguments.number(exec.number()).texts(spec.command).texts(spec.env).text(spec.working_folder);
  if (!origin_.shows_usr || !can_fork(spec)) {
    const int code = send_packet(
        control_.get(), BoxWriter{BoxMessage::exec}.bytes() + arguments.bytes(), streams, 3);
    return code == 0 ? Result<>{} : failed(code);
  }
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return failed(errno);
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  const auto channel =
      std::make_shared<ExecChannel>(host_->loop(), weak_from_this(), exec, Descriptor{ends[0]});
  exec.use_channel(channel);
  has_used_zygote_ = true;
  const Descriptor given{ends[1]};
  const int descriptors[4] = {streams[0], streams[1], streams[2], given.get()};
  const int code = host_->send_to_launcher(
      BoxWriter{BoxMessage::zygote_exec}.number(number_).bytes() + arguments.bytes(), descriptors,
      4);
  if (code != 0) return failed(code);
  const std::lock_guard lock{mutex_};
  if (!is_ended(state_)) channels_.emplace(exec.number(), channel);
  return {};
}

Result<> ContainerCore::signal_exec(std::uint64_t number, int signal) {
  const BoxWriter request = BoxWriter{BoxMessage::exec_signal}
                                .number(number)
                                .number32(static_cast<std::uint32_t>(signal))
                                .number32(has_used_zygote_ ? 0 : 1);
  const int code = send_packet(control_.get(), request.bytes());
  if (code == 0) return {};
  return fail(Failure::unavailable, id_ + ": can't be reached: " + std::strerror(code));
}

std::uint32_t ContainerCore::oom_kill_count() const {
  const std::string memory = host_->groups_of(id_).memory;
  if (memory.empty()) return 0;
  const bool is_v2 = host_->facts().cgroups == CgroupBackend::v2;
  return static_cast<std::uint32_t>(
      figure_of(memory + (is_v2 ? "/memory.events" : "/memory.oom_control"), "oom_kill"));
}

bool ContainerCore::take_out_of_memory() {
  const std::uint32_t count = oom_kill_count();
  const std::lock_guard lock{mutex_};
  return count > std::exchange(oom_kill_count_seen_, std::max(count, oom_kill_count_seen_));
}

void ContainerCore::lose_exec(std::uint64_t number, const char* why) {
  request_end(ContainerState::failed, fmt::format("exec {} {}", number, why));
}

void ContainerCore::forget_exec(std::uint64_t number) {
  std::shared_ptr<ExecCore> dropped;
  const std::lock_guard lock{mutex_};
  const auto found = execs_.find(number);
  if (found == execs_.end()) return;
  dropped = std::move(found->second);
  execs_.erase(found);
  if (is_held_) has_changed_.notify_all();
}

void ContainerCore::forget_channel(std::uint64_t number) {
  std::shared_ptr<ExecChannel> dropped;
  const std::lock_guard lock{mutex_};
  const auto found = channels_.find(number);
  if (found == channels_.end()) return;
  dropped = std::move(found->second);
  channels_.erase(found);
  if (is_held_) has_changed_.notify_all();
}

std::shared_ptr<ExecCore> ContainerCore::exec(std::uint64_t number) const {
  const std::lock_guard lock{mutex_};
  const auto found = execs_.find(number);
  return found == execs_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<ExecCore>> ContainerCore::execs() const {
  const std::lock_guard lock{mutex_};
  std::vector<std::shared_ptr<ExecCore>> all;
  all.reserve(execs_.size());
  for (const auto& entry : execs_) all.push_back(entry.second);
  return all;
}

std::vector<std::shared_ptr<ExecChannel>> ContainerCore::channels() const {
  const std::lock_guard lock{mutex_};
  std::vector<std::shared_ptr<ExecChannel>> all;
  all.reserve(channels_.size());
  for (const auto& entry : channels_) all.push_back(entry.second);
  return all;
}

Result<BoxPacket> ContainerCore::ask(BoxMessage kind, const std::string& arguments,
                                     int descriptor) {
  std::unique_lock lock{mutex_};
  const std::uint64_t number = next_number_++;
  pending_.emplace(number, Pending{});
  lock.unlock();
  const std::string bytes = BoxWriter{kind}.number(number).bytes() + arguments;
  const int code = send_packet(control_.get(), bytes, &descriptor, descriptor >= 0 ? 1 : 0);
  lock.lock();
  const bool has_timed_out = code == 0 && !has_changed_.wait_for(lock, answer_time_max, [&] {
    return pending_.at(number).is_answered || state_ == ContainerState::stopping ||
           is_ended(state_);
  });
  Pending pending = std::move(pending_.at(number));
  pending_.erase(number);
  if (pending.is_answered) return pending.packet;
  if (code != 0)
    return fail(Failure::unavailable, id_ + ": can't be reached: " + std::strerror(code));
  if (has_timed_out) return fail(Failure::deadline_exceeded, id_ + ": it did not answer in 25 s");
  return fail(Failure::unavailable, id_ + ": it ended meanwhile");
}

Result<ContainerStats> ContainerCore::stats() {
  FLYWHEEL_TRY(BoxPacket packet, ask(BoxMessage::usage, {}));
  BoxReader answer{packet.bytes};
  answer.number32();  // kind, number, code and text come first
  answer.number();
  answer.number32();
  answer.text();
  ContainerStats stats;
  stats.disk_bytes = answer.number();
  stats.file_count = static_cast<std::uint32_t>(answer.number());
  const HostCore::Groups groups = host_->groups_of(id_);
  const bool is_v2 = host_->facts().cgroups == CgroupBackend::v2;
  const auto read = [](const std::string& folder, const char* file, const char* word) {
    return folder.empty() ? 0 : figure_of(folder + file, word);
  };
  stats.memory_bytes =
      read(groups.memory, is_v2 ? "/memory.current" : "/memory.usage_in_bytes", "");
  stats.memory_bytes_max =
      read(groups.memory, is_v2 ? "/memory.peak" : "/memory.max_usage_in_bytes", "");
  stats.oom_kill_count = oom_kill_count();
  stats.process_count = static_cast<std::uint32_t>(read(groups.pids, "/pids.current", ""));
  stats.cpu_time =
      std::chrono::microseconds{is_v2 ? read(groups.cpu_usage, "/cpu.stat", "usage_usec")
                                      : read(groups.cpu_usage, "/cpuacct.usage", "") / 1000};
  return stats;
}

Result<BoxPacket> ContainerCore::upper_folder() {
  return ask(BoxMessage::upper, {});
}

void ContainerCore::request_end(ContainerState end, const std::string& reason) {
  {
    const std::lock_guard lock{mutex_};
    if (is_ended(state_) || !requested_reason_.empty()) return;
    state_ = ContainerState::stopping;
    requested_state_ = end;
    requested_reason_ = reason;
    has_changed_.notify_all();
  }
  host_->end_container(number_);
}

void ContainerCore::wait_until_ended() {
  std::unique_lock lock{mutex_};
  has_changed_.wait_for(lock, end_time_max, [this] { return is_ended(state_); });
}

}  // namespace flywheel
