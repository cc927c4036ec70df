#include "runtime/sandbox/host_core.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <random>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>

namespace flywheel {

namespace {

namespace fs = std::filesystem;

// Host ids of containers: far above those of people, one stretch of box_id_count each.
constexpr std::uint64_t id_first = 0x70000000;
constexpr std::uint64_t id_stride = 2048;
constexpr std::uint64_t id_range_count = 131072;
constexpr std::chrono::seconds close_time_max{15};

Result<> check_path(const std::string& path, const char* what) {
  const bool is_plain = path.starts_with('/') && path.find('\0') == std::string::npos &&
                        fs::path{path}.lexically_normal() == fs::path{path} && path != "/" &&
                        !path.ends_with('/') && path.size() < 1024;
  if (is_plain) return {};
  return fail(Failure::invalid_argument, std::string{"container: "} + what + " '" + path +
                                             "' must be a plain absolute path: no '..', no '//'");
}

template <class Number>
Result<> check_range(const char* name, Number value, Number least, Number most) {
  if (value >= least && value <= most) return {};
  return fail(Failure::invalid_argument, std::string{"container: "} + name + " is " +
                                             std::to_string(value) + "; it must be " +
                                             std::to_string(least) + " to " + std::to_string(most));
}

}  // namespace

Result<> HostCore::open() {
  FLYWHEEL_TRY_VOID(prepare_folders());
  FLYWHEEL_TRY_VOID(images_.open(config_.state_folder, config_.image_folder));
  FLYWHEEL_TRY_VOID(snapshots_.open(fs::path{config_.state_folder} / "snapshots",
                                    config_.snapshot_count_max, config_.snapshot_bytes_max));
  null_file_.reset(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null_file_) return fail(Failure::unavailable, "sandbox: /dev/null can't be opened");
  // Another start for each host: two on one machine seldom share ids, and need not be kept apart.
  next_id_range_ = std::random_device{}() % id_range_count;
  FLYWHEEL_TRY_VOID(make_filters());
  FLYWHEEL_TRY_VOID(loop_->start());
  const std::lock_guard lock{launcher_mutex_};
  return start_launcher();
}

Result<> HostCore::prepare_folders() {
  if (config_.state_folder.empty())
    return fail(Failure::invalid_argument, "sandbox: no state folder is given");
  std::error_code code;
  fs::create_directories(fs::path{config_.state_folder} / "stage", code);
  const std::string lock = config_.state_folder + "/lock";
  lock_file_.reset(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock_file_)
    return fail(Failure::unavailable,
                "sandbox: " + lock + " can't be made: " + std::strerror(errno));
  if (::flock(lock_file_.get(), LOCK_EX | LOCK_NB) != 0)
    return fail(Failure::already_exists, "sandbox: " + config_.state_folder +
                                             " is used by another process; give another folder");
  return {};
}

void HostCore::close() {
  std::vector<std::shared_ptr<ContainerCore>> all;
  {
    const std::lock_guard lock{mutex_};
    is_closing_ = true;
    for (const auto& entry : containers_) all.push_back(entry.second);
  }
  for (const auto& each : all)
    each->request_end(ContainerState::killed, "the service that made it is stopping");
  {
    std::unique_lock lock{mutex_};
    has_changed_.wait_for(lock, close_time_max, [this] { return containers_.empty(); });
  }
  {
    const std::lock_guard lock{launcher_mutex_};
    ::shutdown(launcher_.get(), SHUT_RDWR);  // its end; the loop notices
  }
  std::unique_lock lock{mutex_};
  has_changed_.wait_for(lock, close_time_max, [this] { return launcher_process_ < 0; });
  lock.unlock();
  loop_->stop();
  // Should the launcher hang, whoever waits is told all the same; the loop does not run any more.
  all.clear();
  {
    const std::lock_guard guard{mutex_};
    for (const auto& entry : containers_) all.push_back(entry.second);
  }
  for (const auto& each : all) each->on_launcher_gone();
  snapshots_.close();
  lock_file_.reset();  // containers that people still hold keep the rest of this alive
}

Result<> HostCore::check(const SandboxSpec& spec) const {
  const SandboxLimits& limits = spec.limits;
  FLYWHEEL_TRY_VOID(check_range("cpu_ms_per_s", limits.cpu_ms_per_s, 10U, 1'000'000U));
  FLYWHEEL_TRY_VOID(
      check_range<std::uint64_t>("memory_bytes", limits.memory_bytes, 4ULL << 20, 1ULL << 44));
  FLYWHEEL_TRY_VOID(check_range("process_count", limits.process_count, 1U, 65536U));
  FLYWHEEL_TRY_VOID(
      check_range<std::uint64_t>("disk_bytes", limits.disk_bytes, 64ULL << 10, 1ULL << 44));
  FLYWHEEL_TRY_VOID(check_range("file_count", limits.file_count, 16U, 100'000'000U));
  FLYWHEEL_TRY_VOID(check_range("open_file_count", limits.open_file_count, 8U, 1'048'576U));
  FLYWHEEL_TRY_VOID(check_path(spec.working_folder, "working_folder"));
  if (spec.binds.size() > 64) return fail(Failure::invalid_argument, "container: at most 64 binds");
  for (const SandboxBind& bind : spec.binds) {
    FLYWHEEL_TRY_VOID(check_path(bind.source, "bind source"));
    FLYWHEEL_TRY_VOID(check_path(bind.target, "bind target"));
  }
  for (const std::string& entry : spec.env)
    if (entry.find('=') == std::string::npos || entry.starts_with('=') ||
        entry.find('\0') != std::string::npos)
      return fail(Failure::invalid_argument, "container: env '" + entry + "' must be NAME=value");
  return {};
}

Result<ContainerOrigin> HostCore::origin_of(const SandboxSpec& spec) {
  ContainerOrigin origin;
  origin.image = spec.image;
  if (!spec.snapshot.empty()) {
    FLYWHEEL_TRY(SnapshotStore::Entry entry, snapshots_.use(spec.snapshot));
    origin.snapshot = spec.snapshot;
    origin.image = entry.facts.image;
    origin.id_base = entry.id_base;
    origin.layers.push_back(entry.layer);
  }
  auto tree = images_.find(origin.image);
  if (!tree) {
    if (!origin.snapshot.empty()) snapshots_.release(origin.snapshot);
    return fail(tree.error());
  }
  origin.layers.push_back(tree->folder);
  origin.shows_usr = tree->shows_usr;
  if (origin.id_base != 0 || !facts_.is_root) return origin;
  const auto taken = snapshots_.id_bases();
  const std::lock_guard lock{mutex_};
  do origin.id_base = id_first + (next_id_range_++ % id_range_count) * id_stride;
  while (std::find(taken.begin(), taken.end(), origin.id_base) != taken.end());
  return origin;
}

Result<std::shared_ptr<ContainerCore>> HostCore::create(const SandboxSpec& spec) {
  const auto deadline = std::chrono::steady_clock::now() + config_.create_time_max;
  FLYWHEEL_TRY_VOID(check(spec));
  FLYWHEEL_TRY(ContainerOrigin origin, origin_of(spec));
  std::shared_ptr<ContainerCore> container;
  std::string why;
  {
    const std::lock_guard lock{mutex_};
    if (is_closing_) why = "container: the service is stopping";
    if (containers_.size() >= config_.container_count_max)
      why = "container: there are " + std::to_string(config_.container_count_max) +
            " already, as many as allowed; delete some";
    if (why.empty()) {
      const std::uint64_t number = next_number_++;
      container = std::make_shared<ContainerCore>(shared_from_this(), number, spec, origin);
      containers_.emplace(number, container);
    }
  }
  if (!container) {
    if (!origin.snapshot.empty()) snapshots_.release(origin.snapshot);
    return fail(Failure::resource_exhausted, why);
  }
  Descriptor control;
  auto sent = container->open(control);
  if (sent) sent = send_create(*container, control.get());
  control.reset();
  if (!sent) {
    container->on_refused(sent.error().message);
    return fail(sent.error());
  }
  FLYWHEEL_TRY_VOID(container->wait_until_ready(deadline));
  return container;
}

Result<> HostCore::send_create(const ContainerCore& container, int control) {
  const SandboxSpec& spec = container.spec();
  const SandboxLimits& limits = spec.limits;
  const ContainerOrigin& origin = container.origin();
  std::vector<std::string> binds;
  for (const SandboxBind& bind : spec.binds) {
    binds.push_back(bind.source);
    binds.push_back(bind.target);
  }
  const BoxWriter request = BoxWriter{BoxMessage::create}
                                .number(container.number())
                                .text(container.id())
                                .number(origin.id_base)
                                .texts(origin.layers)
                                .number32(origin.shows_usr ? 1 : 0)
                                .number32(origin.snapshot.empty() ? 0 : 1)
                                .number32(spec.network == SandboxNetwork::loopback ? 1 : 0)
                                .number32(limits.cpu_ms_per_s)
                                .number(limits.memory_bytes)
                                .number32(limits.process_count)
                                .number(limits.disk_bytes)
                                .number32(limits.file_count)
                                .number32(limits.open_file_count)
                                .text(spec.working_folder)
                                .texts(binds);
  const std::lock_guard lock{launcher_mutex_};
  if (!launcher_) FLYWHEEL_TRY_VOID(start_launcher());
  const int code = send_packet(launcher_.get(), request.bytes(), &control, 1);
  if (code == 0) return {};
  return fail(Failure::unavailable,
              std::string{"container: flywheel_box can't be reached: "} + std::strerror(code));
}

void HostCore::end_container(std::uint64_t number) {
  // Where the launcher is gone, so is the container.
  send_to_launcher(BoxWriter{BoxMessage::end_container}.number(number).bytes(), nullptr, 0);
}

int HostCore::send_to_launcher(const std::string& bytes, const int* descriptors,
                               std::size_t descriptor_count) {
  const std::lock_guard lock{launcher_mutex_};
  return launcher_ ? send_packet(launcher_.get(), bytes, descriptors, descriptor_count) : EPIPE;
}

Result<std::string> HostCore::snapshot(ContainerCore& container, bool is_temporary,
                                       const std::string& owner) {
  const bool was_running = container.state() == ContainerState::running;
  if (was_running) FLYWHEEL_TRY_VOID(container.pause());
  auto upper = container.upper_folder();
  Result<std::string> name = fail(Failure::unavailable, container.id() + ": its files are gone");
  if (upper) {
    const Descriptor folder{upper->take(0)};
    if (folder)
      name = snapshots_.create(folder.get(), {.base = container.origin().snapshot,
                                              .image = container.origin().image,
                                              .id_base = container.origin().id_base,
                                              .is_temporary = is_temporary,
                                              .owner = owner});
  }
  if (was_running) (void)container.resume();  // else it has ended meanwhile
  if (!upper) return fail(upper.error());
  return name;
}

std::size_t HostCore::container_count() const {
  const std::lock_guard lock{mutex_};
  return containers_.size();
}

std::shared_ptr<ContainerCore> HostCore::container(std::uint64_t number) const {
  const std::lock_guard lock{mutex_};
  const auto found = containers_.find(number);
  return found == containers_.end() ? nullptr : found->second;
}

void HostCore::on_container_end(std::function<void(const std::string&)> callback) {
  const std::lock_guard lock{mutex_};
  on_end_ = std::move(callback);
}

void HostCore::forget(const ContainerCore& container) {
  std::shared_ptr<ContainerCore> dropped;
  const std::lock_guard lock{mutex_};
  const auto found = containers_.find(container.number());
  if (found == containers_.end()) return;
  dropped = std::move(found->second);
  containers_.erase(found);
  if (!container.origin().snapshot.empty()) snapshots_.release(container.origin().snapshot);
  has_changed_.notify_all();
}

void HostCore::announce_end(const std::string& id) const {
  std::function<void(const std::string&)> on_end;
  {
    const std::lock_guard lock{mutex_};
    on_end = on_end_;
  }
  if (on_end) on_end(id);
}

HostCore::Groups HostCore::groups_of(const std::string& id) const {
  const auto below = [&](const std::string& parent) {
    return parent.empty() ? parent : parent + "/" + id;
  };
  const std::lock_guard lock{mutex_};
  return {below(groups_.memory), below(groups_.cpu_usage), below(groups_.pids)};
}

}  // namespace flywheel
