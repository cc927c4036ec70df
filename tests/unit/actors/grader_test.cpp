// Graders that run code do so on threads of their own; one that hangs costs its item.
#include "actors/grader.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>

#include <caf/scoped_actor.hpp>
#include <doctest/doctest.h>

#include "actors/actor_system.hpp"
#include "runtime/grading/one_line_function_grader.hpp"
#include "runtime/system/request.hpp"
#include "runtime/system/shutdown.hpp"
#include "runtime/tasks/one_line_functions.hpp"
#include "tests/support/run_fixture.hpp"

namespace flywheel::testing {
namespace {

using namespace std::chrono_literals;

struct GraderLab {
  RunFixture run{};
  std::mutex mutex{};
  std::condition_variable changed{};
  bool is_held = false;  // the first judgement waits while it is
  std::atomic<int> started = 0;
  ActorSystemConfig config{};
  caf::actor_system system{config};

  GraderLab() {
    run.context->family = *open_task_family("one_line_functions", Json::object());
    run.context->grader = &one_line_function_grader();
    run.context->judge_code = [this](const CodeJudgement&) -> Result<CodeVerdict> {
      if (++started == 1) {
        std::unique_lock lock{mutex};
        changed.wait_for(lock, 20s, [this] { return !is_held; });
      }
      return CodeVerdict{.status = VerdictStatus::pass, .golden_passed = 1, .golden_count = 1};
    };
  }

  void hold(bool holds) {
    const std::lock_guard lock{mutex};
    is_held = holds;
    changed.notify_all();
  }

  GradeTranscript request() const {
    GradeTranscript grade;
    grade.task = *run.context->family->make_task(split_train, 0, 1);
    grade.transcript.turns.resize(1);
    grade.transcript.turns[0].role = Role::assistant;
    grade.transcript.turns[0].finish = FinishReason::stop;
    grade.transcript.turns[0].parts.push_back({.text = "f = lambda n: n"});
    return grade;
  }

  Result<Verdict> ask(const GraderActor& grader, std::chrono::milliseconds deadline) {
    return ask_and_wait<Verdict>(system, run.waits, grader, {"a verdict", "GraderActor", deadline},
                                 request());
  }

  std::size_t stop(const GraderActor& grader) {
    return stop_actors(system, {caf::actor_cast<caf::actor>(grader)}, 10s);
  }
};

}  // namespace

TEST_SUITE("actors/grader") {
  TEST_CASE("a code grader judges on a worker and answers with its verdict") {
    GraderLab lab;
    const auto grader = spawn_grader(lab.system, lab.run.context);

    const auto verdict = lab.ask(grader, 10s);

    REQUIRE(verdict);
    CHECK(verdict->status == VerdictStatus::pass);
    CHECK(lab.stop(grader) == 0);
  }

  TEST_CASE("a judgement that hangs costs its item, at its asker's deadline, and no other") {
    GraderLab lab;
    const auto grader = spawn_grader(lab.system, lab.run.context, {.threads = 2});
    lab.hold(true);
    caf::scoped_actor hung{lab.system};
    auto pending = hung->request(grader, caf::duration{300ms}, lab.request());
    while (lab.started == 0) std::this_thread::sleep_for(1ms);

    const auto other = lab.ask(grader, 10s);

    REQUIRE(other);
    CHECK(other->status == VerdictStatus::pass);
    bool timed_out = false;
    pending.receive([](Verdict&) {}, [&](caf::error&) { timed_out = true; });
    CHECK(timed_out);
    lab.hold(false);
    CHECK(lab.stop(grader) == 0);
  }

  TEST_CASE("more answers than may wait are infra_error at once") {
    GraderLab lab;
    const auto grader = spawn_grader(lab.system, lab.run.context, {.threads = 1, .queue_max = 1});
    lab.hold(true);
    caf::scoped_actor first{lab.system};
    caf::scoped_actor second{lab.system};
    auto running = first->request(grader, caf::duration{20s}, lab.request());
    while (lab.started == 0) std::this_thread::sleep_for(1ms);
    auto waiting = second->request(grader, caf::duration{20s}, lab.request());

    const auto third = lab.ask(grader, 10s);

    REQUIRE(third);
    CHECK(third->status == VerdictStatus::infra_error);
    CHECK(third->note.find("wait to be judged") != std::string::npos);
    lab.hold(false);
    running.receive([](Verdict& verdict) { CHECK(verdict.status == VerdictStatus::pass); },
                    [](caf::error&) { FAIL("the first was not judged"); });
    waiting.receive([](Verdict& verdict) { CHECK(verdict.status == VerdictStatus::pass); },
                    [](caf::error&) { FAIL("the second was not judged"); });
    CHECK(lab.stop(grader) == 0);
  }

  TEST_CASE("who waits is answered when the grader is stopped") {
    GraderLab lab;
    const auto grader = spawn_grader(lab.system, lab.run.context, {.threads = 1});
    lab.hold(true);
    caf::scoped_actor first{lab.system};
    auto running = first->request(grader, caf::duration{20s}, lab.request());
    while (lab.started == 0) std::this_thread::sleep_for(1ms);
    std::thread stopper{[&] { CHECK(lab.stop(grader) == 0); }};
    lab.hold(false);

    bool answered = false;
    running.receive([&](Verdict&) { answered = true; }, [&](caf::error&) { answered = true; });

    CHECK(answered);
    stopper.join();
  }
}

}  // namespace flywheel::testing
