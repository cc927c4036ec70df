#include "runtime/sandbox/skeleton.hpp"

#include <fstream>

namespace flywheel {

namespace {

namespace fs = std::filesystem;

struct SkeletonFile {
  const char* path;
  const char* text;
};

constexpr SkeletonFile skeleton_files[] = {
    {"etc/passwd",
     "root:x:0:0:root:/root:/usr/sbin/nologin\nuser:x:1000:1000:user:/home/user:/bin/sh\n"
     "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"},
    {"etc/group", "root:x:0:\nuser:x:1000:\nnogroup:x:65534:\n"},
    {"etc/hosts", "127.0.0.1 localhost box\n::1 localhost\n"},
    {"etc/hostname", "box\n"},
    {"etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"},
    {"etc/resolv.conf", ""},
    {"etc/host.conf", "multi on\n"},
    {"etc/shells", "/bin/sh\n/bin/bash\n"},
};

tl::unexpected<Error> refuse(const fs::path& root) {
  return fail(Failure::unavailable, root.string() + ": the root of an image can't be written");
}

}  // namespace

Result<> make_root_folders(const fs::path& root) {
  std::error_code code;
  for (const char* folder :
       {"usr/bin", "usr/sbin", "usr/lib", "usr/lib32", "usr/lib64", "usr/libx32", "etc/ssl", "dev",
        "proc", "tmp", "var/tmp", "var/lib", "work", "run", "home/user", "root", "opt", "mnt"})
    fs::create_directories(root / folder, code);
  for (const char* name : {"bin", "sbin", "lib", "lib32", "lib64", "libx32"})
    fs::create_directory_symlink(fs::path{"usr"} / name, root / name, code);
  fs::permissions(root, fs::perms{0755}, code);
  return fs::is_directory(root / "work") ? Result<>{} : refuse(root);
}

Result<> write_root_files(const fs::path& root) {
  for (const SkeletonFile& file : skeleton_files) {
    std::error_code code;
    fs::remove(root / file.path, code);
    std::ofstream{root / file.path} << file.text;
  }
  std::error_code code;
  fs::remove(root / "etc/os-release", code);
  fs::create_symlink("../usr/lib/os-release", root / "etc/os-release", code);
  return fs::exists(root / "etc/hostname") ? Result<>{} : refuse(root);
}

}  // namespace flywheel
