#include "runtime/sandbox/tree_copy.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "runtime/sandbox/descriptor.hpp"

namespace flywheel {

namespace {

constexpr int depth_max = 256;
constexpr const char* opaque_name = "user.overlay.opaque";

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};
using Folder = std::unique_ptr<DIR, CloseFolder>;

tl::unexpected<Error> refuse(const char* name, const char* doing) {
  const int code = errno;
  return fail(code == ENOSPC ? Failure::resource_exhausted : Failure::unavailable,
              std::string{"snapshot: '"} + name + "' " + doing + ": " + std::strerror(code));
}

Folder list_folder(int folder) {
  const int again = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return Folder{again < 0 ? nullptr : ::fdopendir(again)};
}

Descriptor open_below(int folder, const char* name, int flags) {
  return Descriptor{::openat(folder, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)};
}

// An ordinary user can't read what its own container closed to itself; it is opened for a moment,
// while the container's processes stand still.
Descriptor open_to_read(int folder, const char* name, int flags, const struct stat& status) {
  Descriptor opened = open_below(folder, name, O_RDONLY | flags);
  if (opened || errno != EACCES) return opened;
  const mode_t mode = status.st_mode & 07777;
  if (!change_mode(folder, name, status, mode | 0500)) return opened;
  opened = open_below(folder, name, O_RDONLY | flags);
  // A folder has to stay open to be looked into; its copy gets the mode that it had.
  if (!S_ISDIR(status.st_mode)) change_mode(folder, name, status, mode);
  return opened;
}

bool is_dot(const char* name) {
  return std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0;
}

// An overlay writes this device in place of something of a lower layer that was removed.
bool is_whiteout(const struct stat& status) {
  return S_ISCHR(status.st_mode) && status.st_rdev == makedev(0, 0);
}

std::uint64_t size_of(const struct stat& status) {
  return S_ISREG(status.st_mode) ? static_cast<std::uint64_t>(status.st_size) : 0;
}

Error too_many_files() {
  return {Failure::resource_exhausted, "snapshot: it has too many files"};
}

// Takes what it removes out of the figures of the tree.
void remove_tree(int parent, const char* name, TreeFigures& tree, int depth = 0) {
  struct stat status {};
  if (depth > depth_max || ::fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return;
  tree.size_bytes -= std::min(tree.size_bytes, size_of(status));
  tree.file_count -= std::min(tree.file_count, 1U);
  if (!S_ISDIR(status.st_mode)) {
    ::unlinkat(parent, name, 0);
    return;
  }
  const Descriptor folder = open_below(parent, name, O_RDONLY | O_DIRECTORY);
  if (folder)
    if (const Folder entries = list_folder(folder.get()))
      while (const dirent* entry = ::readdir(entries.get()))
        if (!is_dot(entry->d_name)) remove_tree(folder.get(), entry->d_name, tree, depth + 1);
  ::unlinkat(parent, name, AT_REMOVEDIR);
}

void copy_attributes(int to, const char* name, const struct stat& status) {
  // An ordinary user can't give files away, and need not: all of them are its own.
  if (::fchownat(to, name, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) != 0 &&
      errno != EPERM)
    return;
  if (!S_ISLNK(status.st_mode)) ::fchmodat(to, name, status.st_mode & 01777, 0);
  const timespec times[2] = {status.st_atim, status.st_mtim};
  ::utimensat(to, name, times, AT_SYMLINK_NOFOLLOW);
}

struct Copying {
  const TreeRoom& room;
  TreeFigures& tree;
  int depth = 0;
};

Result<> copy_file(int from, int to, const char* name, const struct stat& status,
                   Copying& copying) {
  const Descriptor source = open_to_read(from, name, 0, status);
  if (!source) return refuse(name, "can't be read");
  const Descriptor target{
      ::openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
  if (!target) return refuse(name, "can't be written");
  thread_local std::array<char, 128 << 10> buffer;
  for (;;) {
    const ssize_t size = ::read(source.get(), buffer.data(), buffer.size());
    if (size < 0) return refuse(name, "can't be read");
    if (size == 0) return {};
    if (!copying.room.take(static_cast<std::uint64_t>(size)))
      return fail(Failure::resource_exhausted,
                  "snapshot: no room left for all snapshots together; remove some");
    copying.tree.size_bytes += static_cast<std::uint64_t>(size);
    for (ssize_t written = 0; written < size;) {
      const ssize_t step =
          ::write(target.get(), buffer.data() + written, static_cast<std::size_t>(size - written));
      if (step < 0) return refuse(name, "can't be written");
      written += step;
    }
  }
}

Result<> copy_special(int from, int to, const char* name, const struct stat& status) {
  if (S_ISLNK(status.st_mode)) {
    std::array<char, 4097> target{};
    if (::readlinkat(from, name, target.data(), target.size() - 1) < 0)
      return refuse(name, "can't be read");
    if (::symlinkat(target.data(), to, name) != 0) return refuse(name, "can't be written");
    return {};
  }
  const bool is_kept = is_whiteout(status) || S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode);
  if (is_kept && ::mknodat(to, name, status.st_mode & (S_IFMT | 0777), 0) != 0)
    return refuse(name, "can't be written");
  return {};
}

Result<> copy_folder(int from, int to, Copying& copying);

Result<> copy_entry(int from, int to, const char* name, Copying& copying) {
  struct stat status {};
  struct stat old {};
  if (::fstatat(from, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
    return refuse(name, "can't be read");
  const bool is_folder = S_ISDIR(status.st_mode);
  const bool is_there = ::fstatat(to, name, &old, AT_SYMLINK_NOFOLLOW) == 0;
  const bool is_kept = is_there && is_folder && S_ISDIR(old.st_mode);  // what lies in it joins it
  if (is_there && !is_kept) remove_tree(to, name, copying.tree);
  if (!is_kept && copying.tree.file_count >= copying.room.file_count_max)
    return fail(too_many_files());
  if (!is_kept) ++copying.tree.file_count;
  if (!is_folder) {
    if (S_ISREG(status.st_mode))
      FLYWHEEL_TRY_VOID(copy_file(from, to, name, status, copying));
    else
      FLYWHEEL_TRY_VOID(copy_special(from, to, name, status));
    copy_attributes(to, name, status);
    return {};
  }
  if (++copying.depth > depth_max)
    return fail(Failure::resource_exhausted, "snapshot: its folders nest too deep");
  const Descriptor source = open_to_read(from, name, O_DIRECTORY, status);
  if (!source) return refuse(name, "can't be read");
  char mark = 0;
  const bool is_opaque = ::fgetxattr(source.get(), opaque_name, &mark, 1) == 1 && mark == 'y';
  if (is_kept && is_opaque) {
    remove_tree(to, name, copying.tree);
    ++copying.tree.file_count;  // the folder itself, which is made again
  }
  if (::mkdirat(to, name, 0700) != 0 && errno != EEXIST) return refuse(name, "can't be written");
  const Descriptor target = open_below(to, name, O_RDONLY | O_DIRECTORY);
  if (!target) return refuse(name, "can't be written");
  if (is_opaque && ::fsetxattr(target.get(), opaque_name, "y", 1, 0) != 0)
    return refuse(name, "can't be marked as replaced");
  const Result<> copied = copy_folder(source.get(), target.get(), copying);
  if ((status.st_mode & 0500) != 0500) ::fchmod(source.get(), status.st_mode & 07777);
  if (!copied) return fail(copied.error());
  --copying.depth;
  copy_attributes(to, name, status);
  return {};
}

Result<> copy_folder(int from, int to, Copying& copying) {
  const Folder entries = list_folder(from);
  if (!entries) return refuse(".", "can't be listed");
  while (const dirent* entry = ::readdir(entries.get()))
    if (!is_dot(entry->d_name)) FLYWHEEL_TRY_VOID(copy_entry(from, to, entry->d_name, copying));
  return {};
}

Result<> link_folder(int from, int to, std::uint32_t file_count_max, TreeFigures& figures) {
  const Folder entries = list_folder(from);
  if (!entries) return refuse(".", "can't be listed");
  while (const dirent* entry = ::readdir(entries.get())) {
    const char* const name = entry->d_name;
    struct stat status {};
    if (is_dot(name)) continue;
    if (::fstatat(from, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
      return refuse(name, "can't be read");
    if (figures.file_count >= file_count_max) return fail(too_many_files());
    ++figures.file_count;
    if (!S_ISDIR(status.st_mode)) {
      if (::linkat(from, name, to, name, 0) != 0) return refuse(name, "can't be linked");
      figures.size_bytes += size_of(status);
      continue;
    }
    if (::mkdirat(to, name, 0700) != 0) return refuse(name, "can't be written");
    const Descriptor source = open_below(from, name, O_RDONLY | O_DIRECTORY);
    const Descriptor target = open_below(to, name, O_RDONLY | O_DIRECTORY);
    if (!source || !target) return refuse(name, "can't be opened");
    char mark = 0;
    if (::fgetxattr(source.get(), opaque_name, &mark, 1) == 1 &&
        ::fsetxattr(target.get(), opaque_name, "y", 1, 0) != 0)
      return refuse(name, "can't be marked as replaced");
    FLYWHEEL_TRY_VOID(link_folder(source.get(), target.get(), file_count_max, figures));
    copy_attributes(to, name, status);
  }
  return {};
}

}  // namespace

bool change_mode(int folder, const char* name, const struct stat& seen, mode_t mode) {
  const Descriptor place{::openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC)};
  struct stat now {};
  if (!place || ::fstat(place.get(), &now) != 0 || S_ISLNK(now.st_mode) ||
      now.st_dev != seen.st_dev || now.st_ino != seen.st_ino)
    return false;
  // What is open by O_PATH takes no fchmod(); its entry in /proc leads to itself.
  return ::chmod(("/proc/self/fd/" + std::to_string(place.get())).c_str(), mode) == 0;
}

Result<> copy_changes(int from, int to, const TreeRoom& room, TreeFigures& tree) {
  Copying copying{room, tree, 0};
  return copy_folder(from, to, copying);
}

Result<TreeFigures> link_tree(int from, int to, std::uint32_t file_count_max) {
  TreeFigures figures;
  FLYWHEEL_TRY_VOID(link_folder(from, to, file_count_max, figures));
  return figures;
}

}  // namespace flywheel
