// ask() and keepers on virtual time.
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <doctest/doctest.h>

#include "runtime/system/request.hpp"
#include "runtime/system/supervision.hpp"
#include "runtime/system/waits.hpp"
#include "tests/support/deterministic_system.hpp"

namespace flywheel::testing {
namespace {

using namespace std::chrono_literals;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

struct AskerState {
  static inline const char* name = "asker";
};

// What the asker of one ask() was told.
struct Outcome {
  int answer_count = 0;
  int error_count = 0;
  Error error{};
};

caf::actor spawn_asker(DeterministicSystem& lab, WaitRegistry& waits, caf::actor target,
                       std::shared_ptr<Outcome> outcome) {
  return lab.system.spawn([=, &waits](caf::stateful_actor<AskerState>* self) {
    ask<int>(
        self, waits, target, {"a verdict of rollout 7", "Grader: judging the transcript", 30s}, 1,
        [outcome](int) { ++outcome->answer_count; },
        [outcome](const Error& error) {
          ++outcome->error_count;
          outcome->error = error;
        });
  });
}

// Answers once the test says so: it keeps its promises.
struct SilentState {
  std::vector<caf::response_promise> promises;
};
caf::behavior silent(caf::stateful_actor<SilentState>* self) {
  return {[self](int) -> caf::result<int> {
    self->state.promises.push_back(self->make_response_promise());
    return caf::delegated<int>{};
  }};
}

// Counts what it is told since it was started; a negative number kills it.
struct CounterState {
  int count = 0;
};
caf::behavior counter(caf::stateful_actor<CounterState>* self) {
  return {[self](int x) -> caf::result<int> {
    if (x < 0) {
      self->quit(to_caf({Failure::internal, "it was told to die"}));
      return to_caf({Failure::unavailable, "dying"});
    }
    return ++self->state.count;
  }};
}

struct KeeperLab {
  DeterministicSystem lab{};
  std::vector<std::string> deaths{};
  int starts = 0;
  caf::actor keeper = spawn_keeper(
      lab.system, {"counter",
                   {.restarts_max = 2, .window = 60s},
                   [this] {
                     ++starts;
                     return lab.system.spawn(counter);
                   },
                   [this](const std::string& name, const std::string& reason, bool restarted) {
                     deaths.push_back(name + (restarted ? " restarted: " : " given up: ") + reason);
                   }});

  void kill() { (void)lab.ask<int>(keeper, -1); }
};

}  // namespace

TEST_SUITE("system/ask") {
  TEST_CASE("an ask that nobody answers ends at its deadline with the wait's own words") {
    DeterministicSystem lab;
    ManualClock clock;
    WaitRegistry waits{clock};
    auto outcome = std::make_shared<Outcome>();
    const auto target = lab.system.spawn(silent);
    const auto asker = spawn_asker(lab, waits, target, outcome);
    const auto pass = [&](std::chrono::milliseconds time) {
      clock.advance(time);
      lab.pass(time);
    };

    lab.run();
    pass(29'999ms);
    CHECK(outcome->error_count == 0);
    REQUIRE(waits.list().size() == 1);
    CHECK(has(waits.list()[0].owner, "asker#"));
    pass(1ms);

    CHECK(outcome->error_count == 1);
    CHECK(outcome->answer_count == 0);
    CHECK(outcome->error.failure == Failure::deadline_exceeded);
    CHECK(has(outcome->error.message, "asker#"));
    CHECK(has(outcome->error.message, "waited 30.0 s for a verdict of rollout 7 (request_timeout"));
    CHECK(has(outcome->error.message, "released by Grader: judging the transcript"));
    CHECK(waits.list().empty());
    CHECK(waits.expired_count() == 1);
  }

  TEST_CASE("an answer and a refusal both end the wait, and a refusal keeps its own words") {
    DeterministicSystem lab;
    WaitRegistry waits;
    auto answered = std::make_shared<Outcome>();
    auto refused = std::make_shared<Outcome>();
    const auto good = lab.system.spawn(counter);
    const auto bad = lab.system.spawn([]() -> caf::behavior {
      return {[](int) -> caf::result<int> {
        return to_caf({Failure::resource_exhausted, "the queue is full"});
      }};
    });

    const auto first = spawn_asker(lab, waits, good, answered);
    const auto second = spawn_asker(lab, waits, bad, refused);
    lab.run();

    CHECK(answered->answer_count == 1);
    CHECK(refused->error_count == 1);
    CHECK(refused->error.failure == Failure::resource_exhausted);
    CHECK(refused->error.message == "the queue is full");
    CHECK(waits.list().empty());
    CHECK(waits.expired_count() == 0);
  }

  TEST_CASE("the wait of an asker that ends with its ask unanswered ends with it") {
    WaitRegistry waits;
    DeterministicSystem lab;
    auto outcome = std::make_shared<Outcome>();
    const auto target = lab.system.spawn(silent);
    const auto asker = spawn_asker(lab, waits, target, outcome);
    lab.run();
    REQUIRE(waits.list().size() == 1);

    caf::anon_send_exit(asker, caf::exit_reason::user_shutdown);
    lab.run();

    CHECK(waits.list().empty());
    CHECK(waits.expired_count() == 0);
    CHECK(outcome->error_count == 0);
  }

  TEST_CASE("an ask of a dead actor fails at once and names the wait") {
    DeterministicSystem lab;
    WaitRegistry waits;
    auto outcome = std::make_shared<Outcome>();
    const auto target = lab.system.spawn(counter);
    (void)lab.ask<int>(target, -1);

    const auto asker = spawn_asker(lab, waits, target, outcome);
    lab.run();

    CHECK(outcome->error_count == 1);
    CHECK(has(outcome->error.message, "request_receiver_down"));
    CHECK(has(outcome->error.message, "a verdict of rollout 7"));
    CHECK(waits.list().empty());
  }
}

TEST_SUITE("system/keeper") {
  TEST_CASE("a keeper passes messages on and starts its child anew when it dies") {
    KeeperLab kept;
    CHECK(kept.lab.ask<int>(kept.keeper, 1).value_or(0) == 1);
    CHECK(kept.lab.ask<int>(kept.keeper, 1).value_or(0) == 2);

    kept.kill();

    CHECK(kept.lab.ask<int>(kept.keeper, 1).value_or(0) == 1);  // a fresh child
    CHECK(kept.starts == 2);
    REQUIRE(kept.deaths.size() == 1);
    CHECK(has(kept.deaths[0], "counter restarted"));
    CHECK(has(kept.deaths[0], "it was told to die"));
  }

  TEST_CASE("a keeper gives up past the limit within the window, and dies with the reason") {
    KeeperLab kept;
    for (int i = 0; i < 3; ++i) kept.kill();

    CHECK(kept.starts == 3);
    REQUIRE(kept.deaths.size() == 3);
    CHECK(has(kept.deaths[2], "counter given up"));
    CHECK_FALSE(kept.lab.ask<int>(kept.keeper, 1));
  }

  TEST_CASE("deaths that are long past do not count") {
    KeeperLab kept;
    for (int i = 0; i < 6; ++i) {
      kept.kill();
      kept.lab.pass(31s);
    }

    CHECK(kept.starts == 7);
    CHECK(kept.lab.ask<int>(kept.keeper, 1).value_or(0) == 1);
  }
}

}  // namespace flywheel::testing
