// Checkpoints and snapshots: files, hashes, what is kept and what goes.
#include "storage/checkpoint_index.hpp"

#include <fstream>

#include <doctest/doctest.h>

#include "storage/ledger_store.hpp"
#include "storage/lineage.hpp"
#include "storage/memory_store.hpp"
#include "storage/stored_files.hpp"
#include "tests/unit/storage/sample_records.hpp"
#include "tests/unit/storage/temporary_folder.hpp"

namespace flywheel {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kept_count = 2;

struct Lab {
  TemporaryFolder folder{};
  MemoryStore disk{};
  CheckpointIndex index{disk, folder.path()};
  RunRecord run = sample_run();
  fs::path snapshots = folder.path() / "runs" / "snapshots";

  Lab() {
    REQUIRE(LedgerStore::open(disk, system_clock()).value()->create_run(run));
    fs::create_directories(snapshots);
  }
  fs::path write(const fs::path& path, const std::string& text) const {
    fs::create_directories(path.parent_path());
    std::ofstream{path, std::ios::binary} << text;
    return path;
  }
  fs::path commit(std::uint64_t step) {
    const auto path = write(snapshots / std::to_string(step), "state " + std::to_string(step));
    REQUIRE(index.commit_snapshot(run.id, step, path, {step, 2}, 1, kept_count));
    return path;
  }
};

}  // namespace

TEST_SUITE("storage/checkpoint_index") {
  TEST_CASE("two snapshots are kept, the newest whole one is found") {
    Lab lab;
    const auto first = lab.commit(5);
    const auto second = lab.commit(10);
    const auto third = lab.commit(15);

    CHECK(!fs::exists(first));
    CHECK(fs::exists(second));
    CHECK(lab.index.snapshots(lab.run.id)->size() == 2);
    CHECK(lab.index.newest_snapshot(lab.run.id).value()->step == 15);
    CHECK(lab.index.newest_snapshot(lab.run.id, 14).value()->step == 10);
    CHECK(lab.index.newest_snapshot(lab.run.id).value()->state_hash == Hash128{15, 2});

    lab.write(third, "state 51");  // as long, other bytes
    CHECK(lab.index.newest_snapshot(lab.run.id).value()->step == 10);
    fs::remove(second);
    CHECK(!lab.index.newest_snapshot(lab.run.id).value());
  }

  TEST_CASE("as many snapshots are kept as are asked for") {
    for (const std::size_t count : {1, 3}) {
      Lab lab;
      for (const std::uint64_t step : {5, 10, 15, 20}) {
        const auto path = lab.write(lab.snapshots / std::to_string(step), "state");
        REQUIRE(lab.index.commit_snapshot(lab.run.id, step, path, {}, 1, count));
      }
      CHECK(lab.index.snapshots(lab.run.id)->size() == count);
      CHECK(lab.index.newest_snapshot(lab.run.id).value()->step == 20);
      CHECK(fs::exists(lab.snapshots / "10") == (count == 3));
    }
  }

  TEST_CASE("a snapshot counts only once it is committed, and a full disk leaves the older ones") {
    Lab lab;
    lab.commit(5);
    const auto path = lab.write(lab.snapshots / "10", "state 10");
    lab.disk.set_faults({.failing_write = 1});

    CHECK(!lab.index.commit_snapshot(lab.run.id, 10, path, {}, 1, kept_count));

    CHECK(lab.index.newest_snapshot(lab.run.id).value()->step == 5);
    CHECK(lab.index.remove_strays(lab.run.id, lab.snapshots).value() == 8);
    CHECK(!fs::exists(path));
    CHECK(fs::exists(lab.snapshots / "5"));
    CHECK(lab.index.commit_snapshot(lab.run.id, 10, path, {}, 1, kept_count).error().failure ==
          Failure::not_found);
    CHECK(lab.index.commit_snapshot(lab.run.id, 10, "/etc/hostname", {}, 1, kept_count)
              .error()
              .failure == Failure::invalid_argument);
  }

  TEST_CASE("a step committed again replaces its snapshot, a roll-back forgets later ones") {
    Lab lab;
    const auto first = lab.commit(5);
    lab.commit(10);
    const auto again = lab.write(lab.snapshots / "5b", "state 5b");
    REQUIRE(lab.index.drop_snapshots_after(lab.run.id, 5));
    CHECK(!fs::exists(lab.snapshots / "10"));

    REQUIRE(lab.index.commit_snapshot(lab.run.id, 5, again, {}, 1, kept_count));

    CHECK(!fs::exists(first));
    CHECK(lab.index.snapshots(lab.run.id)->size() == 1);
    CHECK(lab.index.newest_snapshot(lab.run.id).value()->file.path == "runs/snapshots/5b");
  }

  TEST_CASE("a checkpoint knows its files, its tensors and where it came from") {
    Lab lab;
    lab.write(lab.folder.path() / "checkpoints/a/config.json", "{}");
    lab.write(lab.folder.path() / "checkpoints/a/model.safetensors", "weights");
    CheckpointRecord checkpoint;
    checkpoint.id = derive_id<CheckpointId>(AnyId{9, 9}, 1);
    checkpoint.run = lab.run.id;
    checkpoint.step = 15;
    checkpoint.folder = "checkpoints/a";
    checkpoint.tensor_hashes = {{"a", {1, 2}}};
    const auto added = lab.index.add_checkpoint(checkpoint);
    REQUIRE(added);
    CHECK(added->files.size() == 2);
    CHECK(lab.index.verify(*added));
    CheckpointRecord child = checkpoint;
    child.id = derive_id<CheckpointId>(AnyId{9, 9}, 2);
    child.parent = checkpoint.id;
    REQUIRE(lab.index.add_checkpoint(child));

    CHECK(lab.index.checkpoints()->size() == 2);
    CHECK(lab.index.checkpoint(child.id)->tensor_hashes.at("a") == Hash128{1, 2});
    CHECK(ancestors_of(lab.disk, child.id)->size() == 2);
    CHECK(descendants_of(lab.disk, lab.run.id)->size() == 2);
    lab.write(lab.folder.path() / "checkpoints/a/config.json", "[]");
    CHECK(lab.index.verify(*added).error().failure == Failure::corrupt);
    child.parent = derive_id<CheckpointId>(AnyId{9, 9}, 3);
    CHECK(lab.index.add_checkpoint(child).error().failure == Failure::not_found);
    child.folder = "checkpoints/none";
    CHECK(lab.index.add_checkpoint(child).error().failure == Failure::not_found);
  }

  TEST_CASE("a file's hash sees every byte, over chunks too") {
    TemporaryFolder folder;
    const auto path = folder.path() / "big";
    std::string bytes(3'000'000, 'x');
    std::ofstream{path, std::ios::binary} << bytes;
    const auto before = describe_file(folder.path(), path);
    REQUIRE(before);
    CHECK(before->size_bytes == bytes.size());
    CHECK(before->path == "big");

    bytes[2'999'999] = 'y';
    std::ofstream{path, std::ios::binary} << bytes;

    CHECK(verify_file(folder.path(), *before).error().failure == Failure::corrupt);
    CHECK(describe_file(folder.path(), path)->hash != before->hash);
  }
}

}  // namespace flywheel
