// Whole files: read, replaced, refused.
#include "runtime/base/file.hpp"

#include <csignal>

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "runtime/base/durable_file.hpp"

using namespace flywheel;
namespace fs = std::filesystem;

namespace {

struct Folder {
  fs::path path = fs::temp_directory_path() / ("flywheel_file_" + std::to_string(::getpid()));
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
};

// While it lives no file of this process may grow beyond `bytes`: as on a full disk.
struct FileSizeLimit {
  rlimit before{};
  explicit FileSizeLimit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, SIG_DFL);
  }
};

}  // namespace

TEST_SUITE("runtime/base/file") {
  TEST_CASE("a file is made with its folders, replaced and read") {
    const Folder folder;
    const auto path = folder.path / "a" / "b" / "text";

    REQUIRE(write_file_durably(path, "old"));
    REQUIRE(write_file_durably(path, std::string(1, '\0') + "new"));

    CHECK(read_file(path).value() == std::string(1, '\0') + "new");
    CHECK(std::distance(fs::directory_iterator{path.parent_path()}, fs::directory_iterator{}) == 1);
  }

  TEST_CASE("a write that fails half-way leaves the old file and nothing beside it") {
    const Folder folder;
    const auto path = folder.path / "text";
    REQUIRE(write_file_durably(path, "old"));
    {
      const FileSizeLimit limit{4096};

      const auto refused = write_file_durably(path, std::string(8192, 'x'));

      REQUIRE_FALSE(refused);
      CHECK(refused.error().message.find(path.string()) != std::string::npos);
    }
    CHECK(read_file(path).value() == "old");
    CHECK(std::distance(fs::directory_iterator{folder.path}, fs::directory_iterator{}) == 1);
  }

  TEST_CASE("what is not there is not_found, and is named") {
    const Folder folder;
    const auto path = (folder.path / "absent" / "text").string();

    CHECK(read_file(path).error().failure == Failure::not_found);
    CHECK(DurableFile::create(path).error().failure == Failure::not_found);
    CHECK(sync_path(path).error().failure == Failure::not_found);
    CHECK(replace_durably(path + ".tmp", path).error().message.find(path) != std::string::npos);
  }

  TEST_CASE("a durable file holds what was written to it, in order") {
    const Folder folder;
    const auto path = (folder.path / "parts").string();
    auto file = DurableFile::create(path);
    REQUIRE(file);

    REQUIRE(file->write("one ", 4));
    REQUIRE(file->write("two", 3));
    REQUIRE(file->finish());

    CHECK(read_file(path).value() == "one two");
  }
}
