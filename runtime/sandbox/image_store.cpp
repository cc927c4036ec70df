#include "runtime/sandbox/image_store.hpp"

#include <algorithm>
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

// Of the machine's /etc: what programs of /usr need and what tells nothing about the machine.
constexpr const char* copied[] = {
    "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives",    "debian_version", "mime.types",
    "fonts",       "python3",    "python3.11",   "ssl/openssl.cnf", "terminfo",       "protocols",
    "services",    "magic",      "bash.bashrc",  "inputrc"};

Result<> build_skeleton(const fs::path& skeleton) {
  std::error_code code;
  fs::remove_all(skeleton, code);
  for (const char* folder : {"usr", "etc", "dev", "proc", "tmp", "var/tmp", "var/lib", "work",
                             "run", "home/user", "root", "opt", "mnt", "etc/ssl"})
    fs::create_directories(skeleton / folder, code);
  for (const char* name : {"bin", "sbin", "lib", "lib32", "lib64", "libx32"})
    if (fs::exists(fs::path{"/usr"} / name))
      fs::create_directory_symlink(fs::path{"usr"} / name, skeleton / name, code);
  for (const SkeletonFile& file : skeleton_files) std::ofstream{skeleton / file.path} << file.text;
  fs::create_symlink("../usr/lib/os-release", skeleton / "etc/os-release", code);
  for (const char* name : copied) {
    std::error_code ignored;  // a machine need not have each; unreadable ones stay out
    fs::copy(fs::path{"/etc"} / name, skeleton / "etc" / name,
             fs::copy_options::recursive | fs::copy_options::copy_symlinks, ignored);
  }
  // Readable inside, whatever the umask of this process is.
  for (const auto& entry : fs::recursive_directory_iterator{skeleton, code})
    if (!entry.is_symlink())
      fs::permissions(entry.path(), entry.is_directory() ? fs::perms{0755} : fs::perms{0644}, code);
  fs::permissions(skeleton, fs::perms{0755}, code);
  if (!fs::exists(skeleton / "etc/hostname") || !fs::is_directory(skeleton / "work"))
    return fail(Failure::unavailable, "sandbox: " + skeleton.string() +
                                          ": the skeleton of the image 'host' can't be written");
  return {};
}

}  // namespace

Result<> ImageStore::open(const fs::path& state_folder, const std::string& image_folder) {
  skeleton_ = state_folder / "skeleton";
  images_ = image_folder.empty() ? fs::path{} : fs::absolute(image_folder);
  return build_skeleton(skeleton_);
}

Result<ImageTree> ImageStore::find(const std::string& name) const {
  if (name == "host") return ImageTree{skeleton_.string(), true};
  const auto known = names();
  if (std::find(known.begin(), known.end(), name) == known.end()) {
    std::string all;
    for (const std::string& one : known) all += (all.empty() ? "" : ", ") + one;
    return fail(Failure::not_found, "image '" + name + "' is unknown; there are: " + all);
  }
  return ImageTree{(images_ / name / "tree").string(), false};
}

std::vector<std::string> ImageStore::names() const {
  std::vector<std::string> names{"host"};
  std::error_code code;
  if (!images_.empty())
    for (const auto& entry : fs::directory_iterator{images_, code})
      if (fs::exists(entry.path() / "image.json"))
        names.push_back(entry.path().filename().string());
  std::sort(names.begin() + 1, names.end());
  return names;
}

}  // namespace flywheel
