#include "runtime/sandbox/tree_copy.hpp"

#include <filesystem>
#include <fstream>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include "runtime/sandbox/descriptor.hpp"

namespace flywheel {

namespace {

namespace fs = std::filesystem;

struct Folder {
  Folder() {
    std::string name = (fs::temp_directory_path() / "fw_tree_XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
    opened.reset(::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  ~Folder() { fs::remove_all(path); }
  fs::path path{};
  Descriptor opened{};
};

mode_t mode_of(const fs::path& path) {
  struct stat status {};
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

}  // namespace

TEST_CASE("a closed file that is swapped for a link leaves the mode of where that leads") {
  const Folder inside;
  const Folder host;
  std::ofstream{host.path / "secret"} << "s";
  std::ofstream{inside.path / "closed"} << "c";
  REQUIRE(::chmod((host.path / "secret").c_str(), 0600) == 0);
  REQUIRE(::chmod((inside.path / "closed").c_str(), 0077) == 0);
  struct stat seen {};
  REQUIRE(::fstatat(inside.opened.get(), "closed", &seen, AT_SYMLINK_NOFOLLOW) == 0);

  CHECK(change_mode(inside.opened.get(), "closed", seen, 0577));
  CHECK(mode_of(inside.path / "closed") == 0577);
  fs::remove(inside.path / "closed");
  fs::create_symlink(host.path / "secret", inside.path / "closed");

  CHECK_FALSE(change_mode(inside.opened.get(), "closed", seen, 0577));
  CHECK(mode_of(host.path / "secret") == 0600);
  fs::remove(inside.path / "closed");
  fs::create_hard_link(host.path / "secret", inside.path / "closed");
  CHECK_FALSE(change_mode(inside.opened.get(), "closed", seen, 0577));
  CHECK(mode_of(host.path / "secret") == 0600);
}

}  // namespace flywheel
