#include "storage/container_store.hpp"

#include <doctest/doctest.h>

#include "storage/keys.hpp"
#include "storage/memory_store.hpp"
#include "storage/record_format.hpp"

using namespace flywheel;

namespace {

ContainerRecord sample_container(std::uint64_t number) {
  ContainerRecord record;
  record.id = ContainerId{AnyId{(1'700'000'000'000 + number) << 16 | 10U, number}};
  record.name = "mine";
  record.owner = "ada";
  record.state = ContainerState::exited;
  record.reason = "main_exited";
  record.message = "its main command ended";
  record.exit_code = 3;
  record.signal = 9;
  record.created_ms = 1;
  record.active_ms = 2;
  record.ended_ms = 3;
  record.expires_ms = 4;
  record.idle_ms = 5;
  record.spec = {{"image", "host"}, {"metadata", {{"team", "a"}}}};
  return record;
}

Result<> put(ContainerStore& store, const ContainerRecord& record) {
  WriteBatch batch;
  ContainerStore::put(batch, record);
  return store.write(batch);
}

}  // namespace

TEST_SUITE("storage/container_store") {
  TEST_CASE("a container comes back as it was put") {
    MemoryStore memory;
    ContainerStore store{memory};
    const ContainerRecord put_in = sample_container(1);
    REQUIRE(put(store, put_in));

    const auto found = store.container(put_in.id);

    REQUIRE(found);
    CHECK(found->name == "mine");
    CHECK(found->owner == "ada");
    CHECK(found->state == ContainerState::exited);
    CHECK(found->reason == "main_exited");
    CHECK(found->message == "its main command ended");
    CHECK(found->exit_code == 3);
    CHECK(found->signal == 9);
    CHECK(found->created_ms == 1);
    CHECK(found->active_ms == 2);
    CHECK(found->ended_ms == 3);
    CHECK(found->expires_ms == 4);
    CHECK(found->idle_ms == 5);
    CHECK(found->spec == put_in.spec);
  }

  TEST_CASE("an unknown container is not_found, by its name") {
    MemoryStore memory;
    ContainerStore store{memory};

    const auto found = store.container(sample_container(1).id);

    REQUIRE(!found);
    CHECK(found.error().failure == Failure::not_found);
    CHECK(found.error().message.find("container_") != std::string::npos);
  }

  TEST_CASE("commands come back in order, any bytes in them, and gaps show in their numbers") {
    MemoryStore memory;
    ContainerStore store{memory};
    const ContainerId id = sample_container(1).id;
    WriteBatch batch;
    for (const std::uint64_t number : {0U, 1U, 3U})
      ContainerStore::put_command(
          batch, id, number,
          {.started_ms = number,
           .kind = "exec",
           .request = {{"command", {"true"}}, {"stdin", std::string{"\xff\0z", 3}}},
           .result = {{"exit_code", 0}}});
    REQUIRE(store.write(batch));

    const auto all = store.commands(id, 0, 10);
    const auto two = store.commands(id, 1, 1);
    std::vector<std::uint64_t> numbers;
    REQUIRE(store.visit_command_numbers(id, [&](std::uint64_t number) {
      numbers.push_back(number);
      return true;
    }));

    REQUIRE(all);
    CHECK(all->size() == 3);
    CHECK((*all)[0].request["stdin"] == std::string{"\xff\0z", 3});
    REQUIRE(two);
    REQUIRE(two->size() == 1);
    CHECK((*two)[0].started_ms == 1);
    CHECK(numbers == std::vector<std::uint64_t>{0, 1, 3});
    CHECK(*store.command_count(id) == 4);
  }

  TEST_CASE("an idempotency key belongs to its owner") {
    MemoryStore memory;
    ContainerStore store{memory};
    WriteBatch batch;
    const IdempotencyRecord used{hash_text("body"), 7, {sample_container(1).id}};
    ContainerStore::put_idempotency(batch, "ada", "k", used);
    REQUIRE(store.write(batch));

    const auto found = store.idempotency("ada", "k");

    REQUIRE(found);
    CHECK(found->request == hash_text("body"));
    CHECK(found->created_ms == 7);
    CHECK(found->containers == used.containers);
    CHECK(!store.idempotency("bob", "k"));
    CHECK(!store.idempotency("ada", "K"));
  }

  TEST_CASE("what is forgotten goes with its commands, the rest stays") {
    MemoryStore memory;
    ContainerStore store{memory};
    const auto gone = sample_container(1);
    const auto kept = sample_container(2);
    WriteBatch batch;
    ContainerStore::put(batch, gone);
    ContainerStore::put(batch, kept);
    ContainerStore::put_command(batch, gone.id, 0, {});
    ContainerStore::put_command(batch, kept.id, 0, {});
    ContainerStore::put_idempotency(batch, "ada", "old", {{}, 5, {}});
    ContainerStore::put_idempotency(batch, "ada", "new", {{}, 50, {}});
    REQUIRE(store.write(batch));

    WriteBatch forgetting;
    REQUIRE(store.forget(forgetting, gone.id));
    REQUIRE(store.forget_idempotency(forgetting, 10, 100));
    REQUIRE(store.write(forgetting));

    CHECK(!store.container(gone.id));
    CHECK(*store.command_count(gone.id) == 0);
    CHECK(store.container(kept.id));
    CHECK(*store.command_count(kept.id) == 1);
    CHECK(!store.idempotency("ada", "old"));
    CHECK(store.idempotency("ada", "new"));
  }

  TEST_CASE("damaged and newer records are named, not skipped") {
    MemoryStore memory;
    ContainerStore store{memory};
    const auto record = sample_container(1);
    WriteBatch batch;
    ContainerStore::put(batch, record);
    const std::string key = batch.operations()[0].key;
    std::string bytes = batch.operations()[0].value;
    CHECK(check_record(key, bytes));

    std::string newer = bytes;
    newer[1] = 2;
    std::string cut = bytes.substr(0, bytes.size() / 2);
    WriteBatch damage;
    damage.put(key, cut);
    REQUIRE(memory.write(damage, Durability::synced));

    CHECK(check_record(key, newer).error().failure == Failure::too_new);
    CHECK(check_record(key, cut).error().failure == Failure::corrupt);
    CHECK(store.container(record.id).error().failure == Failure::corrupt);
    CHECK(store.visit([](const ContainerRecord&) { return true; }).error().failure ==
          Failure::corrupt);
  }
}
