// The journal's file: what is found again, torn tails, damage, and bytes of the first version.
#include "storage/journal_file.hpp"

#include <csignal>
#include <fstream>

#include <doctest/doctest.h>
#include <sys/resource.h>

#include "runtime/base/file.hpp"
#include "tests/unit/storage/temporary_folder.hpp"

namespace flywheel {
namespace {

using Pairs = std::vector<JournalFile::KeyValue>;

std::string value_of(JournalFile& file, const std::string& key) {
  const auto found = file.find(key);
  REQUIRE(found);
  return found->value_or("(none)");
}

void append_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream{path, std::ios::binary | std::ios::app} << bytes;
}

}  // namespace

TEST_SUITE("storage/journal_file") {
  TEST_CASE("what was appended is found after opening again, the last of a key wins") {
    TemporaryFolder folder;
    const auto path = folder.path() / "deep" / "journal";
    {
      auto file = JournalFile::open(path);
      REQUIRE(file);
      REQUIRE((*file)->append(Pairs{{"a", "1"}, {"b", std::string(3 << 20, 'x')}}));
      REQUIRE((*file)->append(Pairs{{"a", "{\"two\":2}"}, {"empty", ""}}));
      CHECK(value_of(**file, "a") == "{\"two\":2}");
    }

    auto file = JournalFile::open(path);

    REQUIRE(file);
    CHECK(value_of(**file, "a") == "{\"two\":2}");
    CHECK(value_of(**file, "b").size() == 3 << 20);
    CHECK(value_of(**file, "empty").empty());
    CHECK(value_of(**file, "c") == "(none)");
    CHECK((*file)->key_count() == 3);
  }

  TEST_CASE("a torn last line is dropped at every length, and appending goes on") {
    TemporaryFolder folder;
    const auto path = folder.path() / "journal";
    REQUIRE((*JournalFile::open(path))->append(Pairs{{"a", "1"}}));
    const auto whole = read_file(path).value();
    for (std::size_t length = 1; length < whole.size(); ++length) {
      CAPTURE(length);
      append_bytes(path, whole.substr(0, length));
      auto file = JournalFile::open(path);
      REQUIRE(file);
      CHECK(value_of(**file, "a") == "1");
      CHECK(read_file(path).value() == whole);
    }
    auto file = JournalFile::open(path);
    REQUIRE((*file)->append(Pairs{{"b", "2"}}));
    CHECK(value_of(**file, "b") == "2");
  }

  TEST_CASE("an append that fails half way leaves nothing behind, and a shorter one works") {
    TemporaryFolder folder;
    const auto path = folder.path() / "journal";
    {
      auto file = JournalFile::open(path);
      REQUIRE(file);
      REQUIRE((*file)->append(Pairs{{"a", "1"}}));
      rlimit usual{};
      REQUIRE(::getrlimit(RLIMIT_FSIZE, &usual) == 0);
      const auto handler = std::signal(SIGXFSZ, SIG_IGN);
      rlimit small = usual;
      small.rlim_cur = 4096;
      REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);

      const auto failed = (*file)->append(Pairs{{"long", std::string(10'000, 'x')}, {"b", "?"}});
      const auto worked = (*file)->append(Pairs{{"b", "2"}});
      REQUIRE(::setrlimit(RLIMIT_FSIZE, &usual) == 0);
      std::signal(SIGXFSZ, handler);

      REQUIRE_FALSE(failed);
      CHECK(failed.error().failure == Failure::resource_exhausted);
      CHECK(worked);
      CHECK(value_of(**file, "long") == "(none)");
    }
    auto file = JournalFile::open(path);
    REQUIRE(file);
    CHECK(value_of(**file, "a") == "1");
    CHECK(value_of(**file, "b") == "2");
    CHECK((*file)->key_count() == 2);
  }

  TEST_CASE("a changed byte is corrupt, and the message says where") {
    TemporaryFolder folder;
    const auto path = folder.path() / "journal";
    REQUIRE((*JournalFile::open(path))->append(Pairs{{"a", "1"}, {"b", "2"}}));
    auto bytes = read_file(path).value();
    bytes[bytes.find("a\t1") + 2] = '7';
    std::ofstream{path, std::ios::binary} << bytes;

    const auto file = JournalFile::open(path);

    REQUIRE_FALSE(file);
    CHECK(file.error().failure == Failure::corrupt);
    CHECK(file.error().message.find("byte 0") != std::string::npos);
  }

  TEST_CASE("a second opener and text that would break a line are refused") {
    TemporaryFolder folder;
    const auto path = folder.path() / "journal";
    auto file = JournalFile::open(path);
    REQUIRE(file);

    const auto second = JournalFile::open(path);

    REQUIRE_FALSE(second);
    CHECK(second.error().failure == Failure::already_exists);
    CHECK((*file)->append(Pairs{{"a\t", "1"}}).error().failure == Failure::invalid_argument);
    CHECK((*file)->append(Pairs{{"a", "1\n"}}).error().failure == Failure::invalid_argument);
    CHECK((*file)->key_count() == 0);
  }

  TEST_CASE("the bytes of the first version are read") {
    TemporaryFolder folder;
    const auto path = folder.path() / "journal";
    std::ofstream{path, std::ios::binary} << "f1cb0b3fed80de5c886ad0475dae6a28\tstage/1/item\t"
                                             "{\"passed\":[]}\n";

    auto file = JournalFile::open(path);

    REQUIRE(file);
    CHECK(value_of(**file, "stage/1/item") == "{\"passed\":[]}");
  }
}

}  // namespace flywheel
