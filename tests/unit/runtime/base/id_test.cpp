#include "runtime/base/id.hpp"

#include <random>

#include <doctest/doctest.h>

using namespace flywheel;

TEST_SUITE("base/id") {
  TEST_CASE("the text of an id gives the id again") {
    std::mt19937_64 random{7};
    for (int i = 0; i < 1000; ++i) {
      const AnyId id{(random() & ~0xffffULL) | (1 + random() % 15), random()};
      const auto parsed = parse_any_id(to_string(id));
      REQUIRE(parsed);
      CHECK(*parsed == id);
      CHECK(AnyId::from_bytes(id.bytes().data()) == id);
    }
  }

  TEST_CASE("an id of another kind is refused") {
    const auto run = make_id<RunId>(system_clock());

    CHECK(parse_id<RunId>(to_string(run)));
    CHECK_FALSE(parse_id<TaskId>(to_string(run)));
    CHECK_FALSE(parse_id<RunId>("run_0000"));
    CHECK_FALSE(parse_id<RunId>(""));
  }

  TEST_CASE("derived ids sort by index and differ between parents") {
    ManualClock clock;
    const auto first = make_id<RunId>(clock);
    const auto second = make_id<RunId>(clock);

    CHECK(derive_id<RolloutId>(first, 1) < derive_id<RolloutId>(first, 2));
    CHECK(derive_id<RolloutId>(first, 300) > derive_id<RolloutId>(first, 255));
    CHECK(derive_id<RolloutId>(first, 1) == derive_id<RolloutId>(first, 1));
    CHECK(derive_id<RolloutId>(first, 1) != derive_id<RolloutId>(second, 1));
  }

  TEST_CASE("ids sort by time") {
    ManualClock clock;
    const auto earlier = make_id<RunId>(clock);
    clock.advance(std::chrono::milliseconds{1});
    const auto later = make_id<RunId>(clock);

    CHECK(to_string(earlier) < to_string(later));
    CHECK(earlier.bytes() < later.bytes());
  }
}
