// The file system of a container: an overlay on a tmpfs of its own, /proc, /dev, nothing else.
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/sandbox/box/cell.hpp"

namespace flywheel {

namespace {

BoxError failed(std::string what) {
  return BoxError{std::move(what), errno};
}

BoxError mount_disk(const CellSpec& spec) {
  char options[128];
  std::snprintf(options, sizeof options, "size=%llu,nr_inodes=%u,mode=0755",
                static_cast<unsigned long long>(spec.disk_bytes), spec.file_count + 16);
  if (::mount("tmpfs", "cell", "tmpfs", MS_NOSUID | MS_NODEV, options) != 0)
    return failed("mount its tmpfs");
  if (::chdir("cell") != 0) return failed("enter its tmpfs");
  for (const char* folder : {"upper", "work", "root", "shm"})
    if (::mkdir(folder, 0755) != 0) return failed("make folders on its tmpfs");
  if (::chmod("shm", 01777) != 0) return failed("make folders on its tmpfs");
  return {};
}

// The folders that commands may write to, owned by their user.
BoxError make_writable_folders(const Box& box, const CellSpec& spec) {
  struct Folder {
    const char* path;
    mode_t mode;
    bool is_users;
  };
  constexpr Folder folders[] = {{"upper/tmp", 01777, false},     {"upper/var", 0755, false},
                                {"upper/var/tmp", 01777, false}, {"upper/home", 0755, false},
                                {"upper/home/user", 0755, true}, {"upper/work", 0755, true},
                                {"upper/run", 01777, false}};
  for (const Folder& folder : folders) {
    if (::mkdir(folder.path, 0755) != 0 || ::chmod(folder.path, folder.mode) != 0)
      return failed(std::string{"make /"} + (folder.path + 6));
    if (folder.is_users && box.is_root && ::chown(folder.path, box_user, box_user) != 0)
      return failed(std::string{"own /"} + (folder.path + 6));
  }
  if (spec.working_folder == "/work") return {};
  const std::string own = "upper" + spec.working_folder;
  for (std::size_t slash = own.find('/', 6); slash != std::string::npos;
       slash = own.find('/', slash + 1))
    if (::mkdir(own.substr(0, slash).c_str(), 0755) != 0 && errno != EEXIST)
      return failed("make " + spec.working_folder);
  if (::mkdir(own.c_str(), 0755) != 0 && errno != EEXIST)
    return failed("make " + spec.working_folder);
  if (box.is_root && ::chown(own.c_str(), box_user, box_user) != 0)
    return failed("own " + spec.working_folder);
  return {};
}

BoxError mount_proc() {
  // hidepid: commands see their own processes, not the init's.
  if (::mount("proc", "root/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "hidepid=2") != 0)
    return failed("mount /proc");
  for (const char* hidden :
       {"kcore", "keys", "key-users", "kallsyms", "kmsg", "sysrq-trigger", "timer_list"}) {
    const std::string path = std::string{"root/proc/"} + hidden;
    if (::mount("root/dev/null", path.c_str(), nullptr, MS_BIND, nullptr) != 0 && errno != ENOENT)
      return failed("hide /proc/" + std::string{hidden});
  }
  return {};
}

// Called in the new root: whatever links an image or a snapshot holds lead nowhere else.
BoxError mount_binds(const CellSpec& spec) {
  for (const CellBind& bind : spec.binds) {
    const std::string& path = bind.target;
    for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
         slash = path.find('/', slash + 1))
      if (::mkdir(path.substr(0, slash).c_str(), 0755) != 0 && errno != EEXIST)
        return failed("make the parents of " + bind.target);
    if (bind.is_folder) {
      if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return failed("make " + bind.target);
    } else {
      const int file = ::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0644);
      if (file < 0) return failed("make " + bind.target);
      ::close(file);
    }
    if (::syscall(SYS_move_mount, bind.mount, "", AT_FDCWD, path.c_str(),
                  4 /* MOVE_MOUNT_F_EMPTY_PATH */) != 0)
      return failed("bind " + bind.target);
    ::close(bind.mount);
  }
  return {};
}

BoxError make_root() {
  if (::chdir("root") != 0) return failed("enter the new root");
  if (::syscall(SYS_pivot_root, ".", ".") != 0) return failed("make it the root");
  if (::umount2(".", MNT_DETACH) != 0) return failed("let go of the host's root");
  if (::chdir("/") != 0) return failed("enter the root");
  return {};
}

}  // namespace

BoxError mount_cell(Cell& cell) {
  const CellSpec& spec = cell.spec;
  if (BoxError error = mount_disk(spec); error.code != 0) return error;
  if (!spec.is_restored)
    if (BoxError error = make_writable_folders(*cell.box, spec); error.code != 0) return error;

  const std::string options = "lowerdir=" + spec.layers + ",upperdir=upper,workdir=work,userxattr";
  if (::mount("overlay", "root", "overlay", MS_NOSUID | MS_NODEV, options.c_str()) != 0)
    return failed("mount the overlay");
  if (spec.shows_usr && ::mount("../usr", "root/usr", nullptr, MS_BIND | MS_REC, nullptr) != 0)
    return failed("bind /usr");
  if (::mount("../dev", "root/dev", nullptr, MS_BIND | MS_REC, nullptr) != 0 ||
      ::mount("shm", "root/dev/shm", nullptr, MS_BIND, nullptr) != 0 ||
      ::mount("devpts", "root/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
              "newinstance,ptmxmode=0666,mode=0620") != 0)
    return failed("mount /dev");
  if (BoxError error = mount_proc(); error.code != 0) return error;
  cell.upper = ::open("upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (cell.upper < 0) return failed("open the folder of changes");
  if (BoxError error = make_root(); error.code != 0) return error;
  return mount_binds(spec);
}

}  // namespace flywheel
