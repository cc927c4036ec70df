#include "storage/group_commit.hpp"

#include <algorithm>
#include <optional>
#include <thread>

#include <doctest/doctest.h>

#include "storage/memory_store.hpp"

using namespace flywheel;
using namespace std::chrono_literals;

TEST_SUITE("storage/group_commit") {
  TEST_CASE("every write is told its outcome once it is synced, in order") {
    MemoryStore memory;
    std::vector<int> told;
    {
      GroupCommit commit{memory, "mark", 10ms};
      for (int i = 0; i < 100; ++i) {
        WriteBatch batch;
        batch.put("key", std::to_string(i));
        commit.write(std::move(batch), [&told, i](const Result<>& outcome) {
          CHECK(outcome);
          told.push_back(i);
        });
      }
    }  // ends after what is queued

    REQUIRE(told.size() == 100);
    CHECK(std::is_sorted(told.begin(), told.end()));
    memory.crash();
    CHECK(*memory.get("key") == "99");
  }

  TEST_CASE("buffered writes that were told of are synced within the period") {
    MemoryStore memory;
    GroupCommit commit{memory, "mark", 5ms};
    WriteBatch batch;
    batch.put("key", "value");
    REQUIRE(memory.write(batch, Durability::buffered));
    commit.note_buffered();

    const auto end = std::chrono::steady_clock::now() + 5s;
    while (!memory.get("mark") && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(1ms);

    CHECK(memory.get("mark"));
    memory.crash();
    CHECK(memory.get("key"));
  }

  TEST_CASE("a disk that fails is told to all that waited") {
    MemoryStore memory;
    memory.set_faults({.capacity_bytes = 1});
    std::optional<Error> error;
    {
      GroupCommit commit{memory, "mark", 10ms};
      WriteBatch batch;
      batch.put("key", "value");
      commit.write(std::move(batch), [&error](const Result<>& outcome) {
        if (!outcome) error = outcome.error();
      });
    }

    REQUIRE(error);
    CHECK(error->failure == Failure::resource_exhausted);
  }
}
