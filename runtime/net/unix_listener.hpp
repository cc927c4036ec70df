// Unix sockets by path: paths of any length, files of mode 0600, stale ones replaced. Internal to
// runtime/net.
//
// Guarantees: a socket file at which somebody answers is never replaced, also not by two processes
//             that start at once; the file appears by a rename, so it is never there without its
//             mode.
#pragma once

#include <string>

#include <sys/un.h>

#include "runtime/base/result.hpp"

namespace flywheel {

// A path as a socket address. The kernel takes 107 bytes; a longer path is reached through an open
// descriptor of its folder, which lives as long as this.
class UnixAddress {
 public:
  static Result<UnixAddress> of(const std::string& path);
  ~UnixAddress();
  UnixAddress(UnixAddress&& other) noexcept;
  UnixAddress& operator=(UnixAddress&& other) = delete;

  const sockaddr_un& address() const { return address_; }

 private:
  UnixAddress() = default;
  sockaddr_un address_{};
  int folder_ = -1;
};

// A listening socket, and what is needed to take its file away again.
class UnixListener {
 public:
  // already_exists: somebody answers there; invalid_argument: a file that is no socket;
  // unavailable: what the system says.
  static Result<UnixListener> open(const std::string& path);

  // The descriptor, non-blocking; the caller closes it.
  int descriptor() const { return descriptor_; }

  // Removes the file if it still is the one that was made.
  void remove_file() const;

 private:
  std::string path_;
  int descriptor_ = -1;
  std::uint64_t device_ = 0;
  std::uint64_t inode_ = 0;
};

}  // namespace flywheel
