// An actor system whose scheduler and clock the test drives by hand: no threads, no wall time.
//
//   auto answer = lab.ask<Stored>(ledger, PlanRollouts{...});   // runs until every actor is idle
//   auto lease = lab.send<BatchLeased>(ledger, LeaseBatch{...}); // *lease is empty until answered
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <random>
#include <utility>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/atom.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include "runtime/base/result.hpp"
#include "runtime/system/caf_failure.hpp"

namespace flywheel::testing {

struct DeterministicConfig : caf::actor_system_config {
  DeterministicConfig() {
    add_failure_category(*this);
    set("scheduler.policy", caf::atom("testing"));
    set("logger.file-verbosity", caf::atom("quiet"));
  }
};

// Empty until the answer, or the error, is there.
template <class Answer>
using Pending = std::shared_ptr<std::optional<Result<Answer>>>;

struct DeterministicSystem {
  DeterministicConfig config{};
  caf::actor_system system{config};
  caf::scheduler::test_coordinator& scheduler =
      dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());

  DeterministicSystem() { system.await_actors_before_shutdown(false); }
  ~DeterministicSystem() { run(); }
  DeterministicSystem(const DeterministicSystem&) = delete;
  DeterministicSystem& operator=(const DeterministicSystem&) = delete;

  void run() {
    while (scheduler.try_run_once()) {
    }
  }

  // Lets time pass, then runs what that set off.
  void pass(std::chrono::milliseconds time) {
    scheduler.advance_time(time);
    run();
  }

  // Runs whichever actor the seed picks next, until all are idle: same seed, same order.
  void run_shuffled(std::mt19937_64& random) {
    while (scheduler.has_job()) {
      const auto pick =
          scheduler.jobs.begin() + static_cast<std::ptrdiff_t>(random() % scheduler.jobs.size());
      std::rotate(scheduler.jobs.begin(), pick, pick + 1);
      scheduler.run_once();
    }
  }

  // Asks without running anything.
  template <class Answer, class Handle, class Message>
  Pending<Answer> send(const Handle& actor, Message message) {
    auto pending = std::make_shared<std::optional<Result<Answer>>>();
    system.spawn([pending, actor, message](caf::event_based_actor* self) {
      self->request(actor, caf::infinite, message)
          .then([pending](Answer& answer) { *pending = std::move(answer); },
                [pending](caf::error& error) { *pending = fail(to_error(error)); });
    });
    return pending;
  }

  // Asks and runs until every actor is idle.
  template <class Answer, class Handle, class Message>
  Result<Answer> ask(const Handle& actor, Message message) {
    auto pending = send<Answer>(actor, std::move(message));
    run();
    if (!*pending) return fail(Failure::deadline_exceeded, "not answered");
    return std::move(**pending);
  }
};

}  // namespace flywheel::testing
