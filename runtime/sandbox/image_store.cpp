#include "runtime/sandbox/image_store.hpp"

#include <algorithm>

#include "runtime/sandbox/skeleton.hpp"

namespace flywheel {

namespace {

namespace fs = std::filesystem;

// Of the machine's /etc: what programs of /usr need and what tells nothing about the machine.
constexpr const char* copied[] = {
    "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives",    "debian_version", "mime.types",
    "fonts",       "python3",    "python3.11",   "ssl/openssl.cnf", "terminfo",       "protocols",
    "services",    "magic",      "bash.bashrc",  "inputrc"};

Result<> build_skeleton(const fs::path& skeleton) {
  std::error_code code;
  fs::remove_all(skeleton, code);
  FLYWHEEL_TRY_VOID(make_root_folders(skeleton));
  for (const char* name : copied) {
    std::error_code ignored;  // a machine need not have each; unreadable ones stay out
    fs::copy(fs::path{"/etc"} / name, skeleton / "etc" / name,
             fs::copy_options::recursive | fs::copy_options::copy_symlinks, ignored);
  }
  FLYWHEEL_TRY_VOID(write_root_files(skeleton));
  // Readable inside, whatever the umask of this process is.
  for (const auto& entry : fs::recursive_directory_iterator{skeleton, code})
    if (!entry.is_symlink())
      fs::permissions(entry.path(), entry.is_directory() ? fs::perms{0755} : fs::perms{0644}, code);
  fs::permissions(skeleton, fs::perms{0755}, code);
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
