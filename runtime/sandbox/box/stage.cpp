#include "runtime/sandbox/box/stage.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace flywheel {

namespace {

constexpr std::size_t unused_layer_count_max = 8;

bool write_file(const char* path, const std::string& text) {
  const int file = ::open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool is_written = ::write(file, text.data(), text.size()) >= 0;
  ::close(file);
  return is_written;
}

BoxError leave_host() {
  if (::unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) != 0)
    return {"leave the host's namespaces", errno};
  return {};
}

BoxError make_read_only(int folder, const char* path, std::uint64_t extra, bool is_recursive) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | extra;
  const int flags = (*path == 0 ? AT_EMPTY_PATH : 0) | (is_recursive ? AT_RECURSIVE : 0);
  if (::syscall(SYS_mount_setattr, folder, path, flags, &attributes, sizeof attributes) == 0)
    return {};
  return {std::string{"make a mount read-only "} + path, errno};
}

BoxError build_dev() {
  if (::mkdir("dev", 0755) != 0 ||
      ::mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "size=64k,mode=0755") != 0)
    return {"mount a /dev", errno};
  for (const char* name : {"null", "zero", "full", "random", "urandom", "tty"}) {
    const std::string path = std::string{"dev/"} + name;
    const int file = ::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
    if (file < 0) return {"make /" + path, errno};
    ::close(file);
    if (::mount(("/" + path).c_str(), path.c_str(), nullptr, MS_BIND, nullptr) != 0)
      return {"bind /" + path, errno};
  }
  const struct {
    const char* target;
    const char* path;
  } links[] = {{"/proc/self/fd", "dev/fd"},
               {"/proc/self/fd/0", "dev/stdin"},
               {"/proc/self/fd/1", "dev/stdout"},
               {"/proc/self/fd/2", "dev/stderr"},
               {"pts/ptmx", "dev/ptmx"}};
  for (const auto& link : links)
    if (::symlink(link.target, link.path) != 0) return {std::string{"make /"} + link.path, errno};
  if (::mkdir("dev/shm", 0755) != 0 || ::mkdir("dev/pts", 0755) != 0)
    return {"make folders in /dev", errno};
  return make_read_only(AT_FDCWD, "dev", MOUNT_ATTR_NOEXEC, false);
}

}  // namespace

BoxError enter_user_namespace() {
  const auto user = ::geteuid();
  const auto group = ::getegid();
  if (::unshare(CLONE_NEWUSER) != 0)
    return {"make a user namespace (does the host allow them to ordinary users?)", errno};
  if (!write_file("/proc/self/setgroups", "deny") ||
      !write_file("/proc/self/uid_map", "0 " + std::to_string(user) + " 1") ||
      !write_file("/proc/self/gid_map", "0 " + std::to_string(group) + " 1"))
    return {"map its user", errno};
  return {};
}

BoxError Stage::open(const std::string& mount_point) {
  if (BoxError error = leave_host(); error.code != 0) return error;
  home_network_ = ::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  if (home_network_ < 0) return {"open its network namespace", errno};
  // Nothing that is mounted from here on is seen by the host.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return {"make its mounts private", errno};
  if (::mount("tmpfs", mount_point.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") != 0)
    return {"mount its stage on " + mount_point, errno};
  if (::chdir(mount_point.c_str()) != 0) return {"enter its stage", errno};
  for (const char* folder : {"usr", "layers", "cell"})
    if (::mkdir(folder, 0755) != 0) return {"build its stage", errno};
  if (::mount("/usr", "usr", nullptr, MS_BIND | MS_REC, nullptr) != 0) return {"bind /usr", errno};
  if (BoxError error = make_read_only(AT_FDCWD, "usr", MOUNT_ATTR_NODEV, true); error.code != 0)
    return error;
  return build_dev();
}

BoxError Stage::use_layer(const std::string& path, std::string& name) {
  for (Layer& layer : layers_) {
    if (layer.path != path) continue;
    ++layer.user_count;
    name = layer.name;
    return {};
  }
  name = "layers/" + std::to_string(++layers_made_);
  if (::mkdir(name.c_str(), 0755) != 0) return {"make " + name, errno};
  if (::mount(path.c_str(), name.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    const int code = errno;
    ::rmdir(name.c_str());
    return {"bind " + path, code};
  }
  layers_.push_back({path, name, 1});
  return make_read_only(AT_FDCWD, name.c_str(), MOUNT_ATTR_NODEV, false);
}

void Stage::release_layer(const std::string& name) {
  std::size_t unused_count = 0;
  for (Layer& layer : layers_) {
    if (layer.name == name) --layer.user_count;
    if (layer.user_count == 0) ++unused_count;
  }
  if (unused_count <= unused_layer_count_max) return;
  const auto oldest = std::find_if(layers_.begin(), layers_.end(),
                                   [](const Layer& layer) { return layer.user_count == 0; });
  ::umount2(oldest->name.c_str(), MNT_DETACH);
  ::rmdir(oldest->name.c_str());
  layers_.erase(oldest);
}

BoxError Stage::bind(const std::string& source, CellBind& bind) {
  constexpr unsigned clone_tree = 1;  // OPEN_TREE_CLONE
  bind.mount = static_cast<int>(
      ::syscall(SYS_open_tree, AT_FDCWD, source.c_str(), clone_tree | O_CLOEXEC | AT_RECURSIVE));
  if (bind.mount < 0) return {"bind " + source, errno};
  struct stat status {};
  if (::fstat(bind.mount, &status) != 0) return {"bind " + source, errno};
  bind.is_folder = S_ISDIR(status.st_mode);
  if (!bind.is_folder && !S_ISREG(status.st_mode)) return {"bind " + source, EINVAL};
  return make_read_only(bind.mount, "", MOUNT_ATTR_NODEV, true);
}

BoxError Stage::make_network(int& network) const {
  if (::unshare(CLONE_NEWNET) != 0) return {"make a network namespace", errno};
  network = ::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  int code = network < 0 ? errno : 0;
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (code == 0 && (socket < 0 || ::ioctl(socket, SIOCSIFFLAGS, &request) != 0)) code = errno;
  if (socket >= 0) ::close(socket);
  if (::setns(home_network_, CLONE_NEWNET) != 0) code = errno;
  if (code != 0 && network >= 0) ::close(network);
  return code == 0 ? BoxError{} : BoxError{"make a network namespace", code};
}

BoxError Stage::take_network(int& network) {
  is_pooling_ = true;
  if (networks_.empty()) return make_network(network);
  network = networks_.back();
  networks_.pop_back();
  return {};
}

void Stage::fill_networks() {
  int network = -1;
  if (make_network(network).code == 0)
    networks_.push_back(network);
  else
    is_pooling_ = false;  // take_network says what is wrong
}

}  // namespace flywheel
