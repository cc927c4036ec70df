#include "runtime/system/waits.hpp"

#include <atomic>
#include <thread>

#include <doctest/doctest.h>

#include "runtime/system/compute_gate.hpp"

using namespace flywheel;
using namespace std::chrono_literals;

TEST_SUITE("system/waits") {
  TEST_CASE("a wait that runs out names who, what, since when and what would have released it") {
    ManualClock clock;
    WaitRegistry waits{clock};
    const auto id =
        waits.begin("experiment#7", {"8 groups for step 3", "SimulatedUsers: verdicts", 60s});
    REQUIRE(waits.list().size() == 1);
    clock.advance(60s);

    const Error error = waits.expire(id, "request_timeout");

    CHECK(error.failure == Failure::deadline_exceeded);
    CHECK(
        error.message ==
        "experiment#7 waited 60.0 s for 8 groups for step 3 (request_timeout); it would have been "
        "released by SimulatedUsers: verdicts");
    CHECK(waits.list().empty());
    CHECK(waits.expired_count() == 1);
  }

  TEST_CASE("waits are listed oldest first and end by themselves") {
    WaitRegistry waits;
    const auto first = waits.begin("a", {"x", "y", 1s});
    const auto second = waits.begin("b", {"x", "y", 1s});

    CHECK(waits.list().front().owner == "a");
    waits.end(first);
    CHECK(waits.list().front().owner == "b");
    waits.end(second);

    CHECK(waits.list().empty());
    CHECK(waits.expired_count() == 0);
  }

  TEST_CASE("two parties that compute all the time get equal shares, one at a time") {
    WaitRegistry waits;
    ComputeGate gate{waits};
    std::atomic<int> inside{0};
    std::atomic<bool> overlapped{false};
    std::atomic<int> turns_short{0};
    std::atomic<int> turns_long{0};
    const auto end = std::chrono::steady_clock::now() + 1200ms;
    const auto compute = [&](const char* party, std::chrono::milliseconds work,
                             std::atomic<int>& turns) {
      while (std::chrono::steady_clock::now() < end) {
        ComputeGate::Turn turn{gate, party};
        if (++inside > 1) overlapped = true;
        std::this_thread::sleep_for(work);
        --inside;
        ++turns;
      }
    };

    std::thread quick{compute, "quick", 2ms, std::ref(turns_short)};
    std::thread slow{compute, "slow", 20ms, std::ref(turns_long)};
    quick.join();
    slow.join();

    CHECK_FALSE(overlapped);
    CHECK(turns_long >= 10);  // the slow one is not shut out
    // Time, not turns, is what is shared: ten to one where both always wait, less where others keep
    // the quick one from the processor between its turns.
    CHECK(4 * turns_short > 5 * turns_long);
  }
}
