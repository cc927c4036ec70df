// The Ledger actor over a store in memory: durable before it answers, oldest groups first, fresh
// only.
#include "actors/ledger.hpp"

#include <set>

#include <doctest/doctest.h>

#include "storage/memory_store.hpp"
#include "tests/support/deterministic_system.hpp"

using namespace flywheel;
using flywheel::testing::DeterministicSystem;

namespace {

constexpr std::uint32_t group_size = 2;

struct LedgerLab {
  ManualClock clock{};
  MemoryStore store{};
  std::unique_ptr<LedgerStore> ledger_store = *LedgerStore::open(store, clock);
  DeterministicSystem lab{};
  RunId run = make_id<RunId>(clock);
  Ledger ledger = spawn_ledger(lab.system, *ledger_store, Placement::shared);

  LedgerLab() {
    RunRecord record;
    record.id = run;
    record.name = "test";
    record.group_size = group_size;
    REQUIRE(ledger_store->create_run(record));
  }

  RolloutId id_of(std::uint64_t index) const { return derive_id<RolloutId>(run, index); }

  Result<Stored> plan(std::uint64_t group) {
    PlanRollouts request;
    StartRollouts start;
    for (std::uint32_t sample = 0; sample < group_size; ++sample) {
      Rollout rollout;
      rollout.run = run;
      rollout.index = group * group_size + sample;
      rollout.id = id_of(rollout.index);
      rollout.group_index = group;
      rollout.sample_index = sample;
      start.ids.push_back(rollout.id);
      request.rollouts.push_back(std::move(rollout));
    }
    auto planned = lab.ask<Stored>(ledger, request);
    if (!planned) return planned;
    return lab.ask<Stored>(ledger, start);
  }

  Result<Stored> grade(std::uint64_t index, PolicyVersion version) {
    FinishRollout finish{.id = id_of(index)};
    Turn turn{.role = Role::assistant, .finish = FinishReason::stop};
    turn.spans.push_back({.origin = TokenOrigin::policy,
                          .carries_loss = true,
                          .policy_version = version,
                          .tokens = {1},
                          .log_probabilities = {-1.0F}});
    finish.transcript.turns.push_back(std::move(turn));
    auto finished = lab.ask<Stored>(ledger, finish);
    if (!finished) return finished;
    return lab.ask<Stored>(ledger, GradeRollout{id_of(index), {.status = VerdictStatus::fail}});
  }

  LeaseBatch lease(std::uint64_t step, std::uint32_t groups, PolicyVersion version) const {
    return {
        .run = run, .step = step, .version = version, .staleness_max = 1, .group_count = groups};
  }
};

}  // namespace

TEST_SUITE("actors/ledger") {
  TEST_CASE("a batch takes the oldest groups and waits for the slowest of them") {
    LedgerLab lab;
    for (std::uint64_t group = 0; group < 3; ++group) REQUIRE(lab.plan(group));
    for (const std::uint64_t index : {2, 3, 4, 5, 0}) REQUIRE(lab.grade(index, 0));

    const auto leased = lab.lab.send<BatchLeased>(lab.ledger, lab.lease(1, 2, 0));
    lab.lab.run();
    CHECK_FALSE(leased->has_value());  // group 0 misses one, though two others are complete
    REQUIRE(lab.grade(1, 0));

    REQUIRE(leased->has_value());
    REQUIRE(leased->value());
    CHECK((**leased)->ids == std::vector{lab.id_of(0), lab.id_of(1), lab.id_of(2), lab.id_of(3)});
  }

  TEST_CASE("groups older than the bound are discarded and reported") {
    LedgerLab lab;
    REQUIRE(lab.plan(0));
    REQUIRE(lab.plan(1));
    for (const std::uint64_t index : {0, 1}) REQUIRE(lab.grade(index, 3));
    for (const std::uint64_t index : {2, 3}) REQUIRE(lab.grade(index, 4));

    const auto leased = lab.lab.ask<BatchLeased>(lab.ledger, lab.lease(1, 2, 5));

    REQUIRE(leased);
    CHECK(leased->ids.empty());
    CHECK(leased->discarded == std::vector{lab.id_of(0), lab.id_of(1)});
    CHECK(leased->discarded_group_count == 1);
    CHECK(lab.ledger_store->rollout(lab.id_of(0))->discard_reason == "stale");
  }

  TEST_CASE("a change that is not allowed is refused with the reason and leaves the state") {
    LedgerLab lab;
    REQUIRE(lab.plan(0));

    const auto graded = lab.lab.ask<Stored>(
        lab.ledger, GradeRollout{lab.id_of(0), {.status = VerdictStatus::pass}});

    REQUIRE_FALSE(graded);
    CHECK(graded.error().failure == Failure::invalid_argument);
    CHECK(lab.ledger_store->rollout(lab.id_of(0))->state == RolloutState::running);
  }

  TEST_CASE("property: no rollout is leased twice and no leased token is older than the bound") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      CAPTURE(seed);
      std::mt19937_64 random{seed};
      LedgerLab lab;
      std::set<RolloutId> consumed;
      std::uint64_t step = 0;
      for (std::uint64_t group = 0; group < 12; ++group) {
        REQUIRE(lab.plan(group));
        for (std::uint32_t i = 0; i < group_size; ++i)
          REQUIRE(lab.grade(group * group_size + i,
                            step - std::min<std::uint64_t>(step, random() % 3)));
        const auto pending = lab.lab.send<BatchLeased>(lab.ledger, lab.lease(step + 1, 1, step));
        lab.lab.run_shuffled(random);
        REQUIRE(pending->has_value());
        const auto& leased = **pending;
        REQUIRE(leased);
        if (leased->ids.empty()) continue;  // it was stale: discarded
        for (const auto id : leased->ids) {
          CHECK(consumed.insert(id).second);
          CHECK(lab.ledger_store->rollout(id)->oldest_version + 1 >= step);
        }
        CommitStep commit;
        commit.step.run = lab.run;
        commit.step.step = step + 1;
        commit.step.policy_version = step + 1;
        REQUIRE(lab.lab.ask<Stored>(lab.ledger, commit));
        ++step;
      }
    }
  }
}
