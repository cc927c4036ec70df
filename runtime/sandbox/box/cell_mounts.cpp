// The file system of a container: an overlay on a tmpfs of its own, /proc, /dev, nothing else.
#include <algorithm>
#include <cerrno>
#include <cstdio>

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

// The layers below the upper folder, the uppermost first, as the overlay will have them.
std::vector<std::string> layers_of(const CellSpec& spec) {
  std::vector<std::string> layers;
  for (std::size_t start = 0; start < spec.layers.size();) {
    const std::size_t end = std::min(spec.layers.find(':', start), spec.layers.size());
    layers.push_back(spec.layers.substr(start, end - start));
    start = end + 1;
  }
  return layers;
}

// Makes one folder in the upper folder as the layers have it, so that it merges with theirs. Behind
// a link it would hide what the link leads to.
BoxError make_folder(const Box& box, const std::vector<std::string>& layers,
                     const std::string& path) {
  const std::string own = "upper" + path;
  struct stat status {};
  if (::lstat(own.c_str(), &status) == 0)
    return {"make " + path + ", where no folder is", S_ISDIR(status.st_mode) ? 0 : ENOTDIR};
  bool is_below = false;
  for (const std::string& layer : layers) {
    is_below = ::lstat((layer + path).c_str(), &status) == 0;
    if (is_below && !S_ISDIR(status.st_mode))
      return {"make " + path + ", where no folder is", ENOTDIR};
    if (is_below) break;
  }
  if (::mkdir(own.c_str(), 0755) != 0) return failed("make " + path);
  if (!is_below) return {};
  const bool is_given = box.is_root && status.st_uid < box_id_count && status.st_gid < box_id_count;
  if (is_given && ::chown(own.c_str(), status.st_uid, status.st_gid) != 0)
    return failed("own " + path);
  return ::chmod(own.c_str(), status.st_mode & 01777) == 0 ? BoxError{} : failed("make " + path);
}

BoxError make_folders(const Box& box, const std::vector<std::string>& layers,
                      const std::string& path) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1))
    if (BoxError error = make_folder(box, layers, path.substr(0, slash)); error.code != 0)
      return error;
  return make_folder(box, layers, path);
}

// The folders that commands may write to, owned by their user.
BoxError make_writable_folders(const Box& box, const std::vector<std::string>& layers,
                               const std::string& working_folder) {
  struct Folder {
    const char* path;
    mode_t mode;
    bool is_users;
  };
  const Folder folders[] = {{"/tmp", 01777, false},
                            {"/var", 0755, false},
                            {"/var/tmp", 01777, false},
                            {"/home", 0755, false},
                            {"/home/user", 0755, true},
                            {"/run", 01777, false},
                            {"/mnt", 0755, false},
                            {"/mnt/data", 0755, true},  // where OpenAI's clients put files
                            {working_folder.c_str(), 0755, true}};
  for (const Folder& folder : folders) {
    const std::string own = std::string{"upper"} + folder.path;
    if (BoxError error = make_folders(box, layers, folder.path); error.code != 0) return error;
    if (::chmod(own.c_str(), folder.mode) != 0) return failed(std::string{"make "} + folder.path);
    if (folder.is_users && box.is_root && ::chown(own.c_str(), box_user, box_user) != 0)
      return failed(std::string{"own "} + folder.path);
  }
  return {};
}

// The places where the host's folders and files will be seen.
BoxError make_bind_targets(const Box& box, const std::vector<std::string>& layers,
                           const CellSpec& spec) {
  for (const CellBind& bind : spec.binds) {
    const std::size_t slash = bind.target.rfind('/');
    const std::string& folder = bind.is_folder ? bind.target : bind.target.substr(0, slash);
    if (!folder.empty())
      if (BoxError error = make_folders(box, layers, folder); error.code != 0) return error;
    if (bind.is_folder) continue;
    const int file =
        ::open(("upper" + bind.target).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (file < 0) return failed("make " + bind.target);
    ::close(file);
  }
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

BoxError mount_binds(const CellSpec& spec) {
  constexpr unsigned from_empty_path = 4;  // MOVE_MOUNT_F_EMPTY_PATH
  for (const CellBind& bind : spec.binds) {
    if (::syscall(SYS_move_mount, bind.mount, "", AT_FDCWD, bind.target.c_str(), from_empty_path) !=
        0)
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
  const std::vector<std::string> layers = layers_of(spec);
  BoxError made;
  if (!spec.is_restored) made = make_writable_folders(*cell.box, layers, spec.working_folder);
  if (made.code == 0) made = make_bind_targets(*cell.box, layers, spec);
  if (made.code != 0) return made;

  const std::string options = "lowerdir=" + spec.layers + ",upperdir=upper,workdir=work,userxattr";
  if (::mount("overlay", "root", "overlay", MS_NOSUID | MS_NODEV, options.c_str()) != 0)
    return failed("mount the overlay");
  if (spec.shows_usr && ::mount("../usr", "root/usr", nullptr, MS_BIND | MS_REC, nullptr) != 0)
    return failed("bind /usr");
  if (::mount("../dev", "root/dev", nullptr, MS_BIND | MS_REC, nullptr) != 0 ||
      ::mount("shm", "root/dev/shm", nullptr, MS_BIND, nullptr) != 0 ||
      ::mount("devpts", "root/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
              "newinstance,ptmxmode=0666,mode=0620,max=256") != 0)
    return failed("mount /dev");
  if (BoxError error = mount_proc(); error.code != 0) return error;
  cell.upper = ::open("upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (cell.upper < 0) return failed("open the folder of changes");
  if (BoxError error = make_root(); error.code != 0) return error;
  return mount_binds(spec);
}

}  // namespace flywheel
