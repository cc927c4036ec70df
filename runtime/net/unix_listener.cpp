#include "runtime/net/unix_listener.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace flywheel {

namespace {

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return value_; }
  int release() { return std::exchange(value_, -1); }

 private:
  int value_;
};

tl::unexpected<Error> system_failure(const std::string& path, const char* what) {
  return fail(Failure::unavailable, "socket " + path + ": " + what + ": " + std::strerror(errno));
}

const sockaddr* generic(const UnixAddress& address) {
  return reinterpret_cast<const sockaddr*>(&address.address());
}

// Nobody answers at the socket file; everything else is an error.
Result<> expect_stale(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0)
    return errno == ENOENT ? Result<>{} : system_failure(path, "can't be looked at");
  if (!S_ISSOCK(status.st_mode))
    return fail(Failure::invalid_argument,
                "socket " + path + ": a file that is no socket lies there; move it away");
  FLYWHEEL_TRY(const UnixAddress address, UnixAddress::of(path));
  const Descriptor probe{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (probe.get() < 0) return system_failure(path, "no socket can be made");
  if (::connect(probe.get(), generic(address), sizeof(sockaddr_un)) != 0 && errno == ECONNREFUSED)
    return {};
  return fail(Failure::already_exists,
              "socket " + path + ": another process answers there; stop it, or use another path");
}

}  // namespace

Result<UnixAddress> UnixAddress::of(const std::string& path) {
  UnixAddress result;
  result.address_.sun_family = AF_UNIX;
  std::string name = path;
  if (name.size() >= sizeof result.address_.sun_path) {
    const std::size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    result.folder_ = ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (result.folder_ < 0) return system_failure(path, "its folder can't be opened");
    name = "/proc/self/fd/" + std::to_string(result.folder_) + "/" +
           path.substr(slash == std::string::npos ? 0 : slash + 1);
  }
  if (path.empty() || name.size() >= sizeof result.address_.sun_path)
    return fail(Failure::invalid_argument,
                "socket " + path + ": the file name must have 1 to 80 characters");
  std::memcpy(result.address_.sun_path, name.data(), name.size());
  return result;
}

UnixAddress::~UnixAddress() {
  if (folder_ >= 0) ::close(folder_);
}

UnixAddress::UnixAddress(UnixAddress&& other) noexcept
    : address_(other.address_), folder_(std::exchange(other.folder_, -1)) {}

Result<UnixListener> UnixListener::open(const std::string& path) {
  // Held while the old file is looked at and replaced: of two who start, the second sees the first.
  const Descriptor lock{
      ::open((path + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (lock.get() < 0) return system_failure(path, "its lock file can't be made");
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
    return fail(Failure::already_exists, "socket " + path + ": another process is starting there");
  FLYWHEEL_TRY_VOID(expect_stale(path));

  const std::string fresh = path + ".new";
  ::unlink(fresh.c_str());
  FLYWHEEL_TRY(const UnixAddress address, UnixAddress::of(fresh));
  Descriptor listener{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (listener.get() < 0) return system_failure(path, "no socket can be made");
  if (::bind(listener.get(), generic(address), sizeof(sockaddr_un)) != 0)
    return system_failure(path, "can't be bound");
  struct stat status {};
  // The mode comes before listen(): until then every attempt to connect is refused.
  if (::chmod(fresh.c_str(), 0600) != 0 || ::lstat(fresh.c_str(), &status) != 0 ||
      ::listen(listener.get(), SOMAXCONN) != 0 || ::rename(fresh.c_str(), path.c_str()) != 0)
    return system_failure(path, "can't be put in place");

  UnixListener result;
  result.path_ = path;
  result.descriptor_ = listener.release();
  result.device_ = status.st_dev;
  result.inode_ = status.st_ino;
  return result;
}

void UnixListener::remove_file() const {
  struct stat status {};
  if (::lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_)
    ::unlink(path_.c_str());
}

}  // namespace flywheel
