// Versions of data sets: content, lineage, and the same tasks stored twice.
#include "storage/dataset_store.hpp"

#include <doctest/doctest.h>

#include "storage/lineage.hpp"
#include "storage/memory_store.hpp"
#include "tests/unit/storage/sample_records.hpp"

namespace flywheel {
namespace {

NewDataset lists(std::uint64_t count) {
  NewDataset dataset{"lists", "train", "generator, seed 7", {}, {}};
  for (std::uint64_t i = 0; i < count; ++i) dataset.tasks.push_back(sample_task(i));
  return dataset;
}

}  // namespace

TEST_SUITE("storage/dataset_store") {
  TEST_CASE("a version comes back whole, in pieces too, and after a crash") {
    MemoryStore disk;
    ManualClock clock;
    DatasetStore store{disk, clock};
    const auto version = store.put(lists(10));
    REQUIRE(version);
    disk.crash();

    CHECK(store.version(version->id)->task_count == 10);
    CHECK(store.version(version->id)->source == "generator, seed 7");
    CHECK(store.tasks(version->id)->size() == 10);
    const auto piece = store.tasks(version->id, 8, 5);
    REQUIRE(piece);
    REQUIRE(piece->size() == 2);
    CHECK(piece->front().parameters == sample_task(8).parameters);
    CHECK(store.tasks(version->id, 3, 0)->empty());
    CHECK(content_hash_of(*store.tasks(version->id)) == version->content_hash);
  }

  TEST_CASE("the same tasks are the same version, other tasks another, ids aside") {
    MemoryStore disk;
    ManualClock clock;
    DatasetStore store{disk, clock};
    NewDataset renumbered = lists(3);
    for (Task& task : renumbered.tasks) task.id = {};
    NewDataset reordered = lists(3);
    std::swap(reordered.tasks[0], reordered.tasks[2]);

    const auto first = store.put(lists(3));

    REQUIRE(first);
    CHECK(store.put(renumbered)->id == first->id);
    CHECK(store.put(reordered)->id != first->id);
    CHECK(store.put(lists(4))->id != first->id);
    CHECK(store.versions()->size() == 3);
    CHECK(store.find("lists", "train", first->content_hash).value()->id == first->id);
    CHECK(!store.find("lists", "held_out", first->content_hash).value());
  }

  TEST_CASE("a version knows what it was derived from, both ways") {
    MemoryStore disk;
    ManualClock clock;
    DatasetStore store{disk, clock};
    const auto parent = store.put(lists(3));
    REQUIRE(parent);
    NewDataset child = lists(2);
    child.parents = {parent->id};

    const auto version = store.put(child);

    REQUIRE(version);
    CHECK(ancestors_of(disk, version->id).value() == std::vector<AnyId>{parent->id});
    CHECK(descendants_of(disk, parent->id).value() == std::vector<AnyId>{version->id});
    child.parents = {derive_id<DatasetVersionId>(AnyId{1, 1}, 1)};
    child.tasks.pop_back();
    CHECK(store.put(child).error().failure == Failure::not_found);
    CHECK(store.put(NewDataset{"empty", "train", "", {}, {}}).error().failure ==
          Failure::invalid_argument);
    CHECK(store.tasks(child.parents.front()).error().failure == Failure::not_found);
  }
}

}  // namespace flywheel
