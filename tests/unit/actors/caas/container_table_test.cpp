// How containers begin and end, without any box: the clock is moved by hand.
#include "actors/caas/container_table.hpp"

#include <future>

#include <doctest/doctest.h>

#include "storage/memory_store.hpp"

using namespace flywheel;
using namespace std::chrono_literals;

namespace {

struct Lab {
  MemoryStore memory{};
  ManualClock clock{};
  CaasLimits limits{.container_count_max = 4, .container_count_max_per_owner = 3};
  ContainerStore store{memory};
  GroupCommit commit{memory, "mark", 5ms};
  Metrics metrics{};
  Gauge waiting{};
  WorkQueue workers{2, 16, waiting};
  ContainerTable table{limits, clock, store, commit, workers, metrics};

  ContainerRecord record(const std::string& owner = "ada") {
    ContainerRecord made;
    made.id = make_id<ContainerId>(clock);
    made.owner = owner;
    made.created_ms = made.active_ms = made.id.created_ms();
    made.spec = {{"metadata", {{"team", owner}}}};
    return made;
  }
  Result<> admit(const ContainerRecord& made) {
    WriteBatch batch;
    auto admitted = table.admit({made}, batch);
    if (admitted) REQUIRE(store.write(batch));
    return admitted;
  }
  ContainerId running(ContainerRecord made) {
    REQUIRE(admit(made));
    REQUIRE(table.become_running(made.id, nullptr));
    return made.id;
  }
  ContainerRecord ended(ContainerId id) {
    const auto until = std::chrono::steady_clock::now() + 5s;
    for (;;) {
      const auto found = store.container(id);
      if (found && is_ended(found->state)) return *found;
      REQUIRE(std::chrono::steady_clock::now() < until);
      std::this_thread::sleep_for(1ms);
    }
  }
};

}  // namespace

TEST_SUITE("actors/caas/container_table") {
  TEST_CASE("nothing stays in creating beyond its deadline, and what comes late is refused") {
    Lab lab;
    const auto made = lab.record();
    REQUIRE(lab.admit(made));
    lab.clock.advance(lab.limits.create_time_max - 1ms);
    lab.table.sweep();
    CHECK(lab.table.record(made.id)->state == ContainerState::creating);

    lab.clock.advance(1ms);
    lab.table.sweep();

    const auto ended = lab.ended(made.id);
    CHECK(ended.state == ContainerState::failed);
    CHECK(ended.reason == "create_deadline");
    CHECK(!lab.table.become_running(made.id, nullptr));
  }

  TEST_CASE("idleness and age end a container by name, use keeps it") {
    Lab lab;
    auto idle = lab.record();
    idle.idle_ms = 1000;
    auto old = lab.record();
    old.expires_ms = old.created_ms + 1500;
    const auto idle_id = lab.running(idle);
    const auto old_id = lab.running(old);

    lab.clock.advance(900ms);
    lab.table.touch(*lab.table.find(idle_id));
    lab.clock.advance(500ms);
    lab.table.sweep();
    CHECK(lab.table.living_count() == 2);
    lab.clock.advance(600ms);
    lab.table.sweep();

    CHECK(lab.ended(idle_id).reason == "idle");
    CHECK(lab.ended(old_id).reason == "time_to_live");
    CHECK(lab.ended(old_id).state == ContainerState::expired);
  }

  TEST_CASE("a container ends once, the first cause counts, and all who asked are told") {
    Lab lab;
    const auto id = lab.running(lab.record());
    std::promise<std::string> first;
    std::promise<std::string> second;

    CHECK(lab.table.end(id, {ContainerState::killed, "deleted", "x"},
                        [&](const ContainerRecord& r) { first.set_value(r.reason); }));
    const bool is_late =
        !lab.table.end(id, {ContainerState::expired, "idle", "y"},
                       [&](const ContainerRecord& r) { second.set_value(r.reason); });

    CHECK(first.get_future().get() == "deleted");
    if (!is_late) CHECK(second.get_future().get() == "deleted");
    CHECK(!lab.table.end(id, {}));
    lab.memory.crash();  // an answered end survives a power failure
    CHECK(lab.store.container(id)->reason == "deleted");
  }

  TEST_CASE(
      "what lived when the service was killed is failed, daemon_restarted, at its next start") {
    Lab lab;
    const auto id = lab.running(lab.record());
    Lab next;
    WriteBatch batch;
    ContainerStore::put(batch, *lab.store.container(id));
    REQUIRE(next.store.write(batch));

    const auto lost = next.table.load();

    REQUIRE(lost);
    CHECK(*lost == 1);
    CHECK(next.table.record(id)->state == ContainerState::failed);
    CHECK(next.table.record(id)->reason == "daemon_restarted");
    CHECK(next.table.living_count() == 0);
    Lab third;
    WriteBatch again;
    ContainerStore::put(again, *next.store.container(id));
    REQUIRE(third.store.write(again));
    CHECK(*third.table.load() == 0);
  }

  TEST_CASE("quotas: all containers, and those of one owner") {
    Lab lab;
    for (int i = 0; i < 3; ++i) REQUIRE(lab.admit(lab.record("ada")));

    const auto fourth = lab.admit(lab.record("ada"));
    REQUIRE(!fourth);
    CHECK(fourth.error().failure == Failure::resource_exhausted);
    CHECK(fourth.error().message.find("ada") != std::string::npos);
    CHECK(lab.admit(lab.record("bob")));
    CHECK(!lab.admit(lab.record("eve")));
  }

  TEST_CASE("lists go in both directions, by owner, label and state, in pages") {
    Lab lab;
    std::vector<ContainerId> ids;
    for (const char* owner : {"ada", "bob", "ada"}) {
      lab.clock.advance(1ms);
      ids.push_back(lab.running(lab.record(owner)));
    }
    const auto ids_of = [&](const ContainerTable::Filter& filter) {
      std::vector<ContainerId> found;
      const auto page = lab.table.list(filter);
      REQUIRE(page);
      for (const auto& each : page->records) found.push_back(each.id);
      return found;
    };

    CHECK(ids_of({}) == std::vector{ids[2], ids[1], ids[0]});
    CHECK(ids_of({.is_ascending = true}) == ids);
    CHECK(ids_of({.owner = "ada", .limit = 1}) == std::vector{ids[2]});
    CHECK(lab.table.list({.owner = "ada", .limit = 1})->has_more);
    CHECK(ids_of({.label = "team=bob"}) == std::vector{ids[1]});
    CHECK(ids_of({.label = "team"}).size() == 3);
    CHECK(ids_of({.label = "other"}).empty());
    CHECK(ids_of({.after = ids[1]}) == std::vector{ids[0]});
    CHECK(ids_of({.after = ids[1], .is_ascending = true}) == std::vector{ids[2]});
    CHECK(ids_of({.state = static_cast<int>(ContainerState::paused)}).empty());
  }

  TEST_CASE("a list that looked at many records in vain says where to go on") {
    Lab lab;
    WriteBatch batch;
    ContainerRecord wanted = lab.record();
    for (int i = 0; i < 20'010; ++i) {
      auto each = i == 0 ? wanted : lab.record("bob");
      each.state = ContainerState::killed;
      ContainerStore::put(batch, each);
      lab.clock.advance(1ms);
    }
    REQUIRE(lab.store.write(batch));
    REQUIRE(lab.table.load());

    const auto first = lab.table.list({.owner = "ada"});
    REQUIRE(first);
    CHECK(first->records.empty());
    REQUIRE(first->has_more);
    REQUIRE(!first->last.is_nil());
    const auto second = lab.table.list({.owner = "ada", .after = first->last});
    REQUIRE(second);
    REQUIRE(second->records.size() == 1);
    CHECK(second->records[0].id == wanted.id);
    CHECK(!second->has_more);
  }

  TEST_CASE("old records are forgotten, living ones never") {
    Lab lab;
    const auto gone = lab.running(lab.record());
    const auto kept = lab.running(lab.record());
    lab.table.end(gone, {ContainerState::killed, "deleted", "x"});
    lab.ended(gone);

    lab.clock.advance(lab.limits.record_age_max + 1h);
    REQUIRE(lab.table.forget_old());

    CHECK(!lab.table.record(gone));
    CHECK(lab.table.record(kept)->state == ContainerState::running);
  }
}
