// Work on files, done by a process inside the container that has the rights of commands and no
// more: whatever links, devices or races it meets, it can reach only what a command could reach.
#include <cerrno>
#include <csignal>
#include <cstring>

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/sandbox/box/cell.hpp"
#include "runtime/sandbox/box/confine.hpp"

namespace flywheel {

namespace {

constexpr unsigned work_seconds_max = 20;
constexpr std::size_t list_count_max = 10'000;
constexpr int depth_max = 256;

// Never waits for the other end of a pipe, never follows /proc's links to open files.
int open_path(const std::string& path, int flags, mode_t mode = 0) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  how.mode = mode;
  how.resolve = RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how));
}

int make_parents(const std::string& path) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1))
    if (::mkdir(path.substr(0, slash).c_str(), 0755) != 0 && errno != EEXIST && errno != EROFS &&
        errno != EACCES)
      return errno;
  return 0;
}

// Regular files only: reading or writing anything else could wait for ever.
int expect_file(int file) {
  struct stat status {};
  struct statfs system {};
  if (::fstat(file, &status) != 0 || ::fstatfs(file, &system) != 0) return errno;
  if (S_ISDIR(status.st_mode)) return EISDIR;
  return S_ISREG(status.st_mode) && system.f_type != PROC_SUPER_MAGIC ? 0 : EINVAL;
}

int put(const std::string& path, mode_t mode, int source) {
  if (const int code = make_parents(path); code != 0) return code;
  const int file = open_path(path, O_WRONLY | O_CREAT, mode & 0777);
  if (file < 0) return errno;
  if (const int code = expect_file(file); code != 0) return code;
  if (::ftruncate(file, 0) != 0 || ::fchmod(file, mode & 0777) != 0) return errno;
  ::lseek(source, 0, SEEK_SET);
  for (;;) {
    const ssize_t size = ::sendfile(file, source, nullptr, 1 << 20);
    if (size < 0) return errno;
    if (size == 0) return ::close(file) == 0 ? 0 : errno;
  }
}

std::uint32_t kind_of(mode_t mode) {
  return S_ISREG(mode) ? 0U : S_ISDIR(mode) ? 1U : S_ISLNK(mode) ? 2U : 3U;
}

void describe(BoxWriter& writer, const struct stat& status) {
  writer.number32(kind_of(status.st_mode))
      .number(static_cast<std::uint64_t>(status.st_size))
      .number32(status.st_mode & 07777)
      .number(static_cast<std::uint64_t>(status.st_mtim.tv_sec * 1000 +
                                         status.st_mtim.tv_nsec / 1'000'000));
}

int write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::write(file, bytes.data(), bytes.size());
    if (size < 0) return errno;
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
  return 0;
}

int list(const std::string& path, int target) {
  const int folder = open_path(path, O_RDONLY | O_DIRECTORY);
  if (folder < 0) return errno;
  DIR* const entries = ::fdopendir(folder);
  if (entries == nullptr) return errno;
  std::size_t count = 0;
  while (const dirent* entry = ::readdir(entries)) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (++count > list_count_max) return EOVERFLOW;
    struct stat status {};
    if (::fstatat(folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    BoxWriter record{BoxMessage::file};
    describe(record, status);
    record.text(name);
    if (const int code = write_all(target, record.bytes()); code != 0) return code;
  }
  ::closedir(entries);
  return 0;
}

int remove_below(int parent, const char* name, int depth) {
  if (::unlinkat(parent, name, 0) == 0) return 0;
  if (errno != EISDIR && errno != EPERM) return errno;
  const int refused = errno;
  if (depth == depth_max) return ELOOP;
  const int folder = ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (folder < 0) return errno == ENOTDIR ? refused : errno;
  DIR* const entries = ::fdopendir(folder);
  if (entries == nullptr) return errno;
  int code = 0;
  while (const dirent* entry = ::readdir(entries)) {
    if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0) continue;
    if (code = remove_below(folder, entry->d_name, depth + 1); code != 0) break;
  }
  ::closedir(entries);
  if (code != 0) return code;
  return ::unlinkat(parent, name, AT_REMOVEDIR) == 0 ? 0 : errno;
}

int make_folder(const std::string& path) {
  if (const int code = make_parents(path); code != 0) return code;
  if (::mkdir(path.c_str(), 0755) == 0) return 0;
  const int code = errno;
  struct stat status {};
  return code == EEXIST && ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) ? 0 : code;
}

}  // namespace

void work_on_file(const Cell& cell, BoxReader& request, BoxPacket& packet) {
  const std::uint64_t number = request.number();
  const auto work = static_cast<BoxFileWork>(request.number32());
  const std::string path = request.text();
  const std::uint32_t mode = request.number32();
  ::alarm(work_seconds_max);  // ends the worker; the init then says so
  if (!limit_resources(cell.spec) || !become_user(cell.box->is_root)) {
    answer(cell.control, number, errno, "become its user");
    ::_exit(0);
  }
  ::signal(SIGXFSZ, SIG_IGN);  // a file over the limit is an error, not an end
  int code = 0;
  int file = -1;
  BoxWriter status_reply{BoxMessage::done};
  if (work == BoxFileWork::put) code = put(path, mode, packet.descriptors[0]);
  if (work == BoxFileWork::list) code = list(path, packet.descriptors[0]);
  if (work == BoxFileWork::folder) code = make_folder(path);
  if (work == BoxFileWork::remove) code = remove_below(AT_FDCWD, path.c_str(), 0);
  if (work == BoxFileWork::get) {
    file = open_path(path, O_RDONLY);
    code = file < 0 ? errno : expect_file(file);
  }
  if (work == BoxFileWork::status) {
    struct stat status {};
    code = ::lstat(path.c_str(), &status) == 0 ? 0 : errno;
    describe(status_reply.number(number).number32(static_cast<std::uint32_t>(code)).text(path),
             status);
    send_packet(cell.control, status_reply.bytes());
    ::_exit(0);
  }
  answer(cell.control, number, code, path, code == 0 ? file : -1);
  ::_exit(0);
}

}  // namespace flywheel
