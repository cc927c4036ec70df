#include "actors/caas/work_queue.hpp"

#include <atomic>
#include <future>
#include <new>
#include <stdexcept>

#include <doctest/doctest.h>

using namespace flywheel;

TEST_SUITE("actors/caas/work_queue") {
  TEST_CASE("what is over the bound is refused, what was let in is done") {
    Gauge waiting;
    std::atomic<int> done = 0;
    std::promise<void> gate;
    auto opened = gate.get_future().share();
    std::promise<void> begun;
    {
      WorkQueue queue{1, 2, waiting};
      REQUIRE(queue.try_post([&] {
        begun.set_value();
        opened.wait();
        ++done;
      }));
      begun.get_future().wait();

      CHECK(queue.has_room(2));
      CHECK(!queue.has_room(3));
      CHECK(queue.try_post([&] { ++done; }));
      CHECK(queue.try_post([&] { ++done; }));
      CHECK(!queue.try_post([&] { ++done; }));
      queue.post([&] { ++done; });  // the end of what was let in is never refused
      CHECK(waiting.value() == 3.0);
      gate.set_value();
    }

    CHECK(done == 4);
  }

  TEST_CASE("work that throws is told of, and the next is done") {
    Gauge waiting;
    std::atomic<int> done = 0;
    {
      WorkQueue queue{1, 8, waiting};
      REQUIRE(queue.try_post([] { throw std::bad_alloc{}; }));
      REQUIRE(queue.try_post([&] { ++done; }));
      queue.stop();
      queue.post([] { throw std::runtime_error{"late"}; });
    }

    CHECK(done == 1);
  }

  TEST_CASE("after stop() nothing is taken, and an end is still seen to") {
    Gauge waiting;
    bool is_done = false;
    WorkQueue queue{2, 8, waiting};
    queue.stop();

    CHECK(!queue.try_post([] {}));
    queue.post([&] { is_done = true; });
    CHECK(is_done);
  }
}
