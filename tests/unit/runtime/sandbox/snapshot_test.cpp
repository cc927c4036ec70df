// Snapshots and forks: what they may take of the disk, and how they go.
#include <set>
#include <thread>

#include <sys/stat.h>

#include "tests/unit/runtime/sandbox/box_fixture.hpp"

namespace flywheel {

namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr std::uint64_t mebibyte = 1 << 20;

class SnapshotFixture : public BoxFixture {
 public:
  SnapshotFixture() {
    config.snapshot_bytes_max = 8 * mebibyte;  // three quarters of it are for those that are kept
    open();
  }

  fs::path snapshots() const { return folder() / "state" / "snapshots"; }
  // Of all files below, each counted once however many names it has.
  std::uint64_t size_bytes() const {
    std::uint64_t sum = 0;
    std::set<::ino_t> seen;
    for (const auto& entry : fs::recursive_directory_iterator{snapshots()}) {
      struct stat status {};
      if (::lstat(entry.path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
      if (seen.insert(status.st_ino).second) sum += static_cast<std::uint64_t>(status.st_size);
    }
    return sum;
  }
  static void fill(Container& container, const std::string& name, int mebibytes) {
    shell(container, "head -c " + std::to_string(mebibytes << 20) + " /dev/zero > " + name);
  }
  bool becomes_empty() const {
    for (int i = 0; i < 10'000 && !fs::is_empty(snapshots()); ++i) ::usleep(1000);
    return fs::is_empty(snapshots());
  }
};

}  // namespace

TEST_CASE_FIXTURE(BoxFixture, "a fork of many files that ends delays no deadline of others") {
  const auto container = create();
  const auto other = create();
  run(*container, {.command = {"python3", "-c",
                               "import os\nfor i in range(30):\n os.mkdir(f'{i}')\n"
                               " for j in range(1000): os.mknod(f'{i}/{j}')"}});
  auto forked = container->fork();
  REQUIRE(forked);
  const auto exec =
      *other->start({.command = {"sleep", "60"}, .wall_time_max = milliseconds{100}}, {});

  forked->reset();
  const ExecResult result = exec->wait();

  CHECK(result.end == ExecEnd::wall_timeout);
  CHECK(result.wall_time < milliseconds{400});
}

TEST_CASE_FIXTURE(SnapshotFixture, "a removed snapshot goes from the disk, and leaves its room") {
  const auto container = create();
  fill(*container, "a", 4);
  for (int round = 0; round < 5; ++round) {
    const auto name = container->snapshot();
    if (!name) FAIL(name.error().message);
    CHECK(host->snapshots().size() == 1);
    CHECK(container->snapshot().error().failure == Failure::resource_exhausted);
    CHECK(host->remove_snapshot(*name));
  }
  CHECK(becomes_empty());

  REQUIRE(host->remove_snapshot(*container->snapshot()));
  host.reset();  // waits for what was removed

  CHECK(fs::is_empty(snapshots()));
}

TEST_CASE_FIXTURE(SnapshotFixture, "kept snapshots that come from one another stay in their room") {
  auto container = create();
  std::string last;
  int round = 0;
  for (; round < 20; ++round) {
    fill(*container, "f" + std::to_string(round), 1);
    const auto name = container->snapshot();
    container->kill(ContainerState::killed, "test");
    if (!last.empty()) CHECK(host->remove_snapshot(last));
    if (!name) {
      CHECK(name.error().failure == Failure::resource_exhausted);
      break;
    }
    last = *name;
    container = create({.snapshot = last});
  }

  CHECK(round > 2);
  CHECK(round < 20);
  CHECK(size_bytes() <= config.snapshot_bytes_max);
}

TEST_CASE_FIXTURE(SnapshotFixture, "a fork of a fork is never larger than all may be together") {
  auto container = create();
  int round = 0;
  for (; round < 20; ++round) {
    fill(*container, "f" + std::to_string(round), 1);
    auto forked = container->fork();
    container->kill(ContainerState::killed, "test");
    if (!forked) break;
    container = *forked;
  }

  CHECK(round >= 7);
  CHECK(round < 10);
}

TEST_CASE_FIXTURE(SnapshotFixture,
                  "a kept snapshot counts what it holds, and nothing it replaced") {
  config.snapshot_bytes_max = 16 * mebibyte;
  open();
  const auto container = create();
  shell(*container, "mkdir -p d/e; echo x > d/e/f");
  fill(*container, "a", 1);
  fill(*container, "b", 1);
  fill(*container, "d/c", 1);
  const auto base = container->snapshot();
  REQUIRE(base);
  const auto restored = create({.snapshot = *base});
  shell(*restored, "rm -rf d b; mkdir d; echo new > d/g");
  fill(*restored, "a", 2);

  const auto name = restored->snapshot();

  if (!name) FAIL(name.error().message);
  // The root's work; a, d, d/g, and the mark that b is gone.
  CHECK(host->snapshot(*name)->size_bytes == 2 * mebibyte + 4);
  const std::uint32_t count = host->snapshot(*base)->file_count;  // work, a, b, d, c, e, f
  CHECK(host->snapshot(*name)->file_count == count - 2);
}

TEST_CASE_FIXTURE(SnapshotFixture,
                  "snapshots that are made at one time share the room that is left") {
  const auto one = create();
  const auto two = create();
  fill(*one, "a", 5);
  fill(*two, "a", 5);
  for (int round = 0; round < 5; ++round) {
    Result<std::string> first = fail(Failure::internal, "not run");
    std::thread beside{[&] { first = one->snapshot(); }};
    const auto second = two->snapshot();
    beside.join();

    CHECK_FALSE((first && second));
    CHECK(size_bytes() <= config.snapshot_bytes_max);
    if (first) CHECK(host->remove_snapshot(*first));
    if (second) CHECK(host->remove_snapshot(*second));
  }
  CHECK(one->snapshot());  // a refused one has left its room
}

}  // namespace flywheel
