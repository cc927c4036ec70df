// What both stores promise: order, prefixes, atomic batches, snapshots, durability.
#include <limits>

#include <doctest/doctest.h>

#include "storage/keys.hpp"
#include "storage/memory_store.hpp"
#include "storage/rocksdb_store.hpp"
#include "tests/unit/storage/temporary_folder.hpp"

namespace flywheel {
namespace {

using Texts = std::vector<std::string>;

std::unique_ptr<KeyValueStore> open_rocksdb(const TemporaryFolder& folder) {
  auto opened = open_rocksdb_store({.folder = (folder.path() / "db").string()});
  REQUIRE_MESSAGE(opened, (opened ? "" : opened.error().message));
  return std::move(*opened);
}

void put(KeyValueStore& store, const std::string& key, const std::string& value,
         Durability durability = Durability::buffered) {
  WriteBatch batch;
  batch.put(key, value);
  REQUIRE(store.write(batch, durability));
}

Texts keys_of(const KeyValueReader& store, std::string_view prefix, std::string_view from = {},
              std::size_t limit = std::numeric_limits<std::size_t>::max()) {
  Texts keys;
  const auto visit = [&](std::string_view key, std::string_view) {
    keys.emplace_back(key);
    return keys.size() < limit;
  };
  REQUIRE(store.scan(prefix, visit, from));
  return keys;
}

void check_promises(KeyValueStore& store) {
  put(store, "b", "2");
  put(store, "a\xff\xff", "1");
  put(store, "a\xff", "");
  put(store, "\xff\xff", "last");
  put(store, std::string("a\0b", 3), "zero");
  CHECK(store.get("b").value() == "2");
  CHECK(store.get("a\xff").value().empty());
  CHECK(store.get("c").error().failure == Failure::not_found);
  CHECK(keys_of(store, "a") == Texts{std::string("a\0b", 3), "a\xff", "a\xff\xff"});
  CHECK(keys_of(store, "a\xff") == Texts{"a\xff", "a\xff\xff"});
  CHECK(keys_of(store, "\xff") == Texts{"\xff\xff"});
  CHECK(keys_of(store, "", "b") == Texts{"b", "\xff\xff"});
  CHECK(keys_of(store, "a", "a\xff") == Texts{"a\xff", "a\xff\xff"});
  CHECK(keys_of(store, "b", "a") == Texts{"b"});
  CHECK(keys_of(store, "", "", 2).size() == 2);

  const auto snapshot = store.snapshot();
  WriteBatch batch;
  batch.put("b", "3");
  batch.put("b", "4");
  batch.erase("a\xff");
  batch.erase("absent");
  REQUIRE(store.write(batch, Durability::synced));
  CHECK(store.get("b").value() == "4");
  CHECK(!store.get("a\xff"));
  CHECK(snapshot->get("b").value() == "2");
  CHECK(keys_of(*snapshot, "a").size() == 3);
}

}  // namespace

TEST_SUITE("storage/key_value_store") {
  TEST_CASE("both stores keep order, prefixes, batches and snapshots alike") {
    MemoryStore memory;
    check_promises(memory);
    TemporaryFolder folder;
    check_promises(*open_rocksdb(folder));
    CHECK(open_rocksdb(folder)->get("b").value() == "4");
  }

  TEST_CASE("a power cut takes what was not synced, from its newest end") {
    MemoryStore store;
    put(store, "a", "1", Durability::synced);
    put(store, "b", "2");
    put(store, "c", "3");
    CHECK(store.unsynced_count() == 2);

    store.crash(1);

    CHECK(keys_of(store, "") == Texts{"a", "b"});
    put(store, "d", "4");
    put(store, "e", "5", Durability::synced);
    store.crash();
    CHECK(keys_of(store, "") == Texts{"a", "b", "d", "e"});
  }

  TEST_CASE("a database that another process has open is refused in one line") {
    TemporaryFolder folder;
    const auto owner = open_rocksdb(folder);

    const auto second = open_rocksdb_store({.folder = (folder.path() / "db").string()});

    REQUIRE(!second);
    CHECK(second.error().failure == Failure::unavailable);
    CHECK(second.error().message.find('\n') == std::string::npos);
  }

  TEST_CASE("keys say what they are of, sort by id and number, and end their prefix") {
    const AnyId id = derive_any_id(IdKind::run, AnyId{77, 1}, 2);
    const std::string key = number_key(RecordKind::step, id, 258);

    CHECK(describe_key(key) == "step record of " + to_string(id) + ", number 258");
    CHECK(id_in_key(key) == id);
    CHECK(number_in_key(key, 16) == 258);
    CHECK(number_key(RecordKind::step, id, 255) < number_key(RecordKind::step, id, 256));
    CHECK(after_prefix("a\xff") == "b");
    CHECK(after_prefix("\xff\xff").empty());
    CHECK(id_in_key("x").is_nil());
    const RunId run{id};
    const auto parent = rollouts_key(RecordKind::verdict, run);
    CHECK(id_key(RecordKind::verdict, derive_id<RolloutId>(run, 0)).starts_with(parent));
    CHECK(id_key(RecordKind::verdict, derive_id<RolloutId>(run, 0xffffffff)).starts_with(parent));
  }
}

}  // namespace flywheel
