// One LedgerStore on a disk in memory: transitions, refusals, leases, steps, roll-back, failing
// writes.
#include "storage/ledger_store.hpp"

#include <functional>
#include <set>

#include <doctest/doctest.h>

#include "storage/dataset_store.hpp"
#include "storage/fsck.hpp"
#include "storage/keys.hpp"
#include "storage/lineage.hpp"
#include "storage/memory_store.hpp"
#include "tests/unit/storage/sample_records.hpp"

namespace flywheel {
namespace {

// A ledger with one run of groups of four.
struct Lab {
  MemoryStore disk{};
  ManualClock clock{};
  RunRecord run = sample_run();
  std::unique_ptr<LedgerStore> ledger{};

  explicit Lab(bool is_deterministic = false) {
    run.is_deterministic = is_deterministic;
    reopen();
    REQUIRE(ledger->create_run(run));
  }

  void reopen() {
    ledger.reset();
    auto opened = LedgerStore::open(disk, clock);
    REQUIRE(opened);
    ledger = std::move(*opened);
  }

  RolloutId id(std::uint64_t index) const { return derive_id<RolloutId>(run.id, index); }
  std::vector<RolloutId> ids(std::uint64_t first, std::uint64_t count) const {
    std::vector<RolloutId> all;
    for (std::uint64_t i = first; i < first + count; ++i) all.push_back(id(i));
    return all;
  }
  void plan(std::uint64_t count) {
    REQUIRE(ledger->plan(sample_rollouts(run, ledger->planned_count(run.id).value(), count)));
  }
  void finish(std::uint64_t index, PolicyVersion version) {
    Rollout rollout;
    rollout.id = id(index);
    rollout.transcript = sample_transcript(8, version);
    REQUIRE(ledger->start({rollout.id}));
    REQUIRE(ledger->finish(rollout));
  }
  void grade(std::uint64_t first, std::uint64_t count, PolicyVersion version) {
    for (std::uint64_t i = first; i < first + count; ++i) {
      finish(i, version);
      REQUIRE(ledger->grade(id(i), sample_verdict()));
    }
  }
  void commit(std::uint64_t step, std::uint64_t first, std::uint64_t count) {
    REQUIRE(ledger->lease(run.id, step, ids(first, count)));
    REQUIRE(ledger->commit_step(sample_step(run, step)));
  }
  RolloutState state(std::uint64_t index) const { return ledger->rollout(id(index)).value().state; }
  void check_clean() const {
    const auto report = check_store(disk, {});
    REQUIRE(report);
    CHECK_MESSAGE(report->is_clean(), (report->is_clean() ? "" : report->findings.front()));
  }
};

Failure failure_of(const Result<>& result) {
  return result ? Failure::none : result.error().failure;
}

}  // namespace

TEST_SUITE("storage/ledger_store") {
  TEST_CASE("a rollout goes from planned to consumed and is whole after reopening") {
    Lab lab;
    lab.plan(4);
    lab.grade(0, 4, 0);
    lab.commit(1, 0, 4);
    lab.reopen();

    const auto rollout = lab.ledger->rollout(lab.id(2));

    REQUIRE(rollout);
    CHECK(rollout->state == RolloutState::consumed);
    CHECK(rollout->step == 1);
    CHECK(rollout->index == 2);
    CHECK(rollout->sample_index == 2);
    CHECK(rollout->task.parameters == sample_task(0).parameters);
    CHECK(rollout->transcript.turns.size() == 2);
    CHECK(rollout->verdict.reward == 0.75);
    const auto step = lab.ledger->step(lab.run.id, 1);
    REQUIRE(step);
    CHECK(step->consumed == lab.ids(0, 4));
    CHECK(step->weights_hash == Hash128{1, 1});
    const auto consumed = lab.ledger->consumed_by(lab.run.id, 1);
    REQUIRE(consumed);
    CHECK(consumed->size() == 4);
    CHECK(lab.ledger->last_step(lab.run.id).value() == 1);
    lab.check_clean();
  }

  TEST_CASE("a finished rollout carries the oldest version of its loss tokens") {
    Lab lab;
    lab.plan(4);
    Rollout rollout;
    rollout.id = lab.id(0);
    rollout.transcript = sample_transcript(8, 5);
    rollout.transcript.turns[1].spans.push_back({TokenOrigin::policy, true, 4, {1}, {-0.5F}});
    REQUIRE(lab.ledger->start({lab.id(0)}));

    REQUIRE(lab.ledger->finish(rollout));

    CHECK(lab.ledger->rollout(lab.id(0))->oldest_version == 4);
  }

  TEST_CASE("every transition that the drawing lacks is refused and changes nothing") {
    using S = RolloutState;
    // For each state: a ledger whose rollout 0 is in it, and what may be done with it there.
    const auto bring_to = [](Lab& lab, S state) {
      lab.plan(4);
      if (state == S::discarded) REQUIRE(lab.ledger->discard({lab.id(0)}, "test"));
      if (state == S::running) REQUIRE(lab.ledger->start({lab.id(0)}));
      if (state == S::finished) lab.finish(0, 0);
      if (state >= S::graded && state <= S::consumed) lab.grade(0, 1, 0);
      if (state == S::leased) REQUIRE(lab.ledger->lease(lab.run.id, 1, {lab.id(0)}));
      if (state == S::consumed) lab.commit(1, 0, 1);
      REQUIRE(lab.state(0) == state);
    };
    struct Move {
      const char* name;
      std::set<S> allowed;
      std::function<Result<>(Lab&)> make;
    };
    const Move moves[] = {
        {"start", {S::planned}, [](Lab& l) { return l.ledger->start({l.id(0)}); }},
        {"requeue", {S::running}, [](Lab& l) { return l.ledger->requeue({l.id(0)}); }},
        {"finish",
         {S::running},
         [](Lab& l) {
           Rollout rollout;
           rollout.id = l.id(0);
           rollout.transcript = sample_transcript(4, 0);
           return l.ledger->finish(rollout);
         }},
        {"grade", {S::finished}, [](Lab& l) { return l.ledger->grade(l.id(0), sample_verdict()); }},
        {"lease",
         {S::graded},
         [](Lab& l) {
           const auto next = l.ledger->last_step(l.run.id).value() + 1;
           return l.ledger->lease(l.run.id, next, {l.id(0)});
         }},
        {"discard",
         {S::planned, S::running, S::finished, S::graded},
         [](Lab& l) { return l.ledger->discard({l.id(0)}, "test"); }},
    };
    for (const S state :
         {S::planned, S::running, S::finished, S::graded, S::leased, S::consumed, S::discarded})
      for (const Move& move : moves) {
        Lab lab;
        bring_to(lab, state);
        CAPTURE(to_string(state));
        CAPTURE(move.name);
        const auto written = lab.disk.write_count();

        const auto made = move.make(lab);

        CHECK(failure_of(made) ==
              (move.allowed.contains(state) ? Failure::none : Failure::invalid_argument));
        if (!made) {
          CHECK(lab.state(0) == state);
          CHECK(lab.disk.write_count() == written);
        }
        lab.check_clean();
        lab.reopen();
        lab.check_clean();
      }
  }

  TEST_CASE("plans have no gaps, no foreign ids and no wrong groups") {
    Lab lab;
    auto with_gap = sample_rollouts(lab.run, 1, 4);
    auto foreign = sample_rollouts(lab.run, 0, 4);
    foreign[2].id = derive_id<RolloutId>(lab.run.id, 77);
    auto wrong_group = sample_rollouts(lab.run, 0, 4);
    wrong_group[3].group_index = 9;
    auto unknown = sample_rollouts(sample_run(99), 0, 4);

    CHECK(failure_of(lab.ledger->plan(with_gap)) == Failure::invalid_argument);
    CHECK(failure_of(lab.ledger->plan(foreign)) == Failure::invalid_argument);
    CHECK(failure_of(lab.ledger->plan(wrong_group)) == Failure::invalid_argument);
    CHECK(failure_of(lab.ledger->plan(unknown)) == Failure::not_found);
    CHECK(lab.ledger->planned_count(lab.run.id).value() == 0);
    CHECK(failure_of(lab.ledger->start({lab.id(0)})) == Failure::not_found);
    lab.plan(4);
    CHECK(lab.ledger->planned_count(lab.run.id).value() == 4);
  }

  TEST_CASE("a change of several ids is made for all or none") {
    Lab lab;
    lab.plan(4);
    REQUIRE(lab.ledger->start({lab.id(2)}));

    CHECK(failure_of(lab.ledger->start(lab.ids(0, 4))) == Failure::invalid_argument);
    CHECK(failure_of(lab.ledger->start({lab.id(0), lab.id(0)})) == Failure::invalid_argument);

    CHECK(lab.state(0) == RolloutState::planned);
    CHECK(lab.state(1) == RolloutState::planned);
  }

  TEST_CASE("only the next step leases, and it consumes exactly what it leased") {
    Lab lab;
    lab.plan(8);
    lab.grade(0, 8, 0);

    CHECK(failure_of(lab.ledger->lease(lab.run.id, 2, lab.ids(0, 4))) == Failure::invalid_argument);
    REQUIRE(lab.ledger->lease(lab.run.id, 1, lab.ids(0, 2)));
    REQUIRE(lab.ledger->lease(lab.run.id, 1, lab.ids(2, 2)));
    CHECK(lab.ledger->in_state(lab.run.id, RolloutState::leased).value() == lab.ids(0, 4));

    StepRecord other = sample_step(lab.run, 1);
    other.consumed = lab.ids(4, 4);
    CHECK(failure_of(lab.ledger->commit_step(other)) == Failure::invalid_argument);
    CHECK(failure_of(lab.ledger->commit_step(sample_step(lab.run, 2))) ==
          Failure::invalid_argument);
    StepRecord same = sample_step(lab.run, 1);
    same.consumed = {lab.id(3), lab.id(1), lab.id(0), lab.id(2)};
    REQUIRE(lab.ledger->commit_step(same));
    CHECK(lab.ledger->step(lab.run.id, 1)->consumed == lab.ids(0, 4));
    CHECK(failure_of(lab.ledger->commit_step(same)) == Failure::invalid_argument);
    StepRecord shrinking = sample_step(lab.run, 2);
    shrinking.policy_version = 1;
    CHECK(failure_of(lab.ledger->commit_step(shrinking)) == Failure::invalid_argument);
    lab.check_clean();
  }

  TEST_CASE("a released lease is graded again") {
    Lab lab;
    lab.plan(4);
    lab.grade(0, 4, 0);
    REQUIRE(lab.ledger->lease(lab.run.id, 1, lab.ids(0, 4)));

    REQUIRE(lab.ledger->release(lab.run.id, 1));

    CHECK(lab.ledger->in_state(lab.run.id, RolloutState::graded).value() == lab.ids(0, 4));
    CHECK(lab.ledger->rollout(lab.id(0))->step == 0);
    CHECK(failure_of(lab.ledger->release(lab.run.id, 2)) == Failure::invalid_argument);
  }

  TEST_CASE("a group is complete when all are graded or discarded, and none waits") {
    Lab lab;
    lab.plan(8);
    lab.grade(0, 3, 0);
    CHECK(lab.ledger->complete_groups(lab.run.id).value().empty());

    REQUIRE(lab.ledger->discard({lab.id(3)}, "quarantined"));

    CHECK(lab.ledger->complete_groups(lab.run.id).value() == std::vector<std::uint64_t>{0});
    const auto group = lab.ledger->group(lab.run.id, 0);
    REQUIRE(group);
    CHECK(group->is_complete);
    CHECK(group->graded == lab.ids(0, 3));
    REQUIRE(lab.ledger->lease(lab.run.id, 1, lab.ids(0, 3)));
    CHECK(lab.ledger->complete_groups(lab.run.id).value().empty());
    REQUIRE(lab.ledger->discard(lab.ids(4, 4), "quarantined"));
    CHECK(!lab.ledger->group(lab.run.id, 1)->is_complete);
    CHECK(!lab.ledger->group(lab.run.id, 2));
  }

  TEST_CASE("an infra_error is no grade, and a discard needs a reason") {
    Lab lab;
    lab.plan(4);
    lab.finish(0, 0);
    Verdict verdict = sample_verdict();
    verdict.status = VerdictStatus::infra_error;

    CHECK(failure_of(lab.ledger->grade(lab.id(0), verdict)) == Failure::invalid_argument);
    CHECK(failure_of(lab.ledger->discard({lab.id(0)}, "")) == Failure::invalid_argument);
    CHECK(lab.state(0) == RolloutState::finished);
  }

  TEST_CASE("a span that carries loss without its log-probabilities is refused") {
    Lab lab;
    lab.plan(4);
    Rollout rollout;
    rollout.id = lab.id(0);
    rollout.transcript = sample_transcript(4, 0);
    rollout.transcript.turns[1].spans[0].log_probabilities.pop_back();
    REQUIRE(lab.ledger->start({lab.id(0)}));

    CHECK(failure_of(lab.ledger->finish(rollout)) == Failure::invalid_argument);
    CHECK(lab.state(0) == RolloutState::running);
  }

  TEST_CASE("many changes are one synced write, judged one after the other") {
    Lab lab;
    const auto before = lab.disk.synced_write_count();
    std::vector<LedgerChange> changes;
    changes.push_back(PlanRollouts{sample_rollouts(lab.run, 0, 4)});
    changes.push_back(StartRollouts{lab.ids(0, 2)});
    changes.push_back(StartRollouts{lab.ids(1, 1)});  // runs already
    changes.push_back(FinishRollout{lab.id(0), sample_transcript(4, 0)});
    changes.push_back(GradeRollout{lab.id(0), sample_verdict()});
    changes.push_back(LeaseRollouts{lab.run.id, 1, {lab.id(0)}});
    changes.push_back(CommitStep{sample_step(lab.run, 1)});

    const auto answers = lab.ledger->apply(std::move(changes));

    REQUIRE(answers.size() == 7);
    for (const std::size_t i : {0U, 1U, 3U, 4U, 5U, 6U}) CHECK(answers[i]);
    CHECK(failure_of(answers[2]) == Failure::invalid_argument);
    CHECK(lab.disk.synced_write_count() == before + 1);
    lab.reopen();
    CHECK(lab.state(0) == RolloutState::consumed);
    CHECK(lab.state(1) == RolloutState::running);
    lab.check_clean();
  }

  TEST_CASE("after a crash the running are planned again and the leased graded") {
    Lab lab;
    lab.plan(8);
    lab.grade(0, 4, 0);
    REQUIRE(lab.ledger->lease(lab.run.id, 1, lab.ids(0, 4)));
    REQUIRE(lab.ledger->start(lab.ids(4, 2)));
    lab.disk.crash();
    lab.reopen();

    const auto counts = lab.ledger->recover(lab.run.id);

    REQUIRE(counts);
    CHECK((*counts)[static_cast<std::size_t>(RolloutState::running)] == 2);
    CHECK((*counts)[static_cast<std::size_t>(RolloutState::leased)] == 4);
    CHECK(lab.ledger->in_state(lab.run.id, RolloutState::planned).value() == lab.ids(4, 4));
    CHECK(lab.ledger->in_state(lab.run.id, RolloutState::graded).value() == lab.ids(0, 4));
    CHECK(lab.ledger->events(lab.run.id)->size() == 1);
    REQUIRE(lab.ledger->recover(lab.run.id));
    CHECK(lab.ledger->events(lab.run.id)->size() == 1);
    lab.check_clean();
  }

  TEST_CASE("a roll-back returns what the older weights may still learn and discards the rest") {
    Lab lab;
    lab.plan(24);
    lab.grade(0, 4, 0);
    lab.commit(1, 0, 4);
    lab.grade(4, 4, 0);
    lab.commit(2, 4, 4);  // sampled by 0: within a bound of 1 of version 1
    lab.grade(8, 4, 1);
    lab.commit(3, 8, 4);  // sampled by 1
    lab.grade(12, 2, 3);  // waiting, sampled by lost weights
    lab.grade(14, 2, 1);  // waiting, sampled by weights that stay
    REQUIRE(lab.ledger->start({lab.id(16)}));
    lab.finish(17, 2);

    const auto report = lab.ledger->roll_back(lab.run.id, 1, 1, "the replayed hash differs");

    REQUIRE(report);
    CHECK(report->lost_step_count == 2);
    CHECK(report->returned == lab.ids(4, 8));
    CHECK(report->requeued == lab.ids(16, 1));
    CHECK(report->discarded == std::vector{lab.id(12), lab.id(13), lab.id(17)});
    CHECK(lab.state(0) == RolloutState::consumed);
    CHECK(lab.state(14) == RolloutState::graded);
    CHECK(lab.ledger->rollout(lab.id(12))->discard_reason == "rolled_back");
    CHECK(lab.ledger->last_step(lab.run.id).value() == 1);
    CHECK(!lab.ledger->step(lab.run.id, 2));
    lab.check_clean();
    lab.reopen();
    CHECK(lab.ledger->last_step(lab.run.id).value() == 1);
    const auto events = lab.ledger->events(lab.run.id);
    REQUIRE(events);
    REQUIRE(events->size() == 1);
    CHECK(events->front().kind == "rolled_back");
    CHECK(events->front().details.at("lost_steps").size() == 2);
    lab.commit(2, 8, 4);
    lab.check_clean();
  }

  TEST_CASE("a roll-back to the base weights discards what is beyond the bound") {
    Lab lab;
    lab.plan(8);
    lab.grade(0, 4, 0);
    lab.commit(1, 0, 4);
    lab.grade(4, 4, 1);
    lab.commit(2, 4, 4);

    const auto report = lab.ledger->roll_back(lab.run.id, 0, 0, "test");

    REQUIRE(report);
    CHECK(report->returned == lab.ids(0, 4));
    CHECK(report->discarded == lab.ids(4, 4));
    CHECK(!lab.ledger->roll_back(lab.run.id, 1, 0, "test"));
    lab.check_clean();
  }

  TEST_CASE("a deterministic run talks through again what a roll-back can't use") {
    Lab lab{true};
    lab.plan(12);
    lab.grade(0, 4, 0);
    lab.commit(1, 0, 4);
    lab.grade(4, 4, 1);
    lab.commit(2, 4, 4);
    lab.finish(8, 1);

    const auto report = lab.ledger->roll_back(lab.run.id, 0, 0, "another processor");

    REQUIRE(report);
    CHECK(report->returned == lab.ids(0, 4));
    CHECK(report->requeued == lab.ids(4, 5));
    CHECK(report->discarded.empty());
    CHECK(lab.ledger->rollout(lab.id(4))->transcript.turns.empty());
    lab.check_clean();
    lab.reopen();
    lab.commit(1, 0, 4);
    lab.grade(4, 4, 1);
    lab.commit(2, 4, 4);
    lab.check_clean();
  }

  TEST_CASE("a failed write is answered as failed and leaves the ledger as the disk has it") {
    for (const bool lands : {false, true}) {
      CAPTURE(lands);
      Lab lab;
      lab.plan(4);
      lab.disk.set_faults({.failing_write = 1, .failing_write_lands = lands});

      const auto started = lab.ledger->start(lab.ids(0, 2));

      CHECK(failure_of(started) == Failure::unavailable);
      CHECK(lab.state(0) == (lands ? RolloutState::running : RolloutState::planned));
      CHECK(lab.ledger->in_state(lab.run.id, RolloutState::running)->size() == (lands ? 2 : 0));
      CHECK(failure_of(lab.ledger->start({lab.id(2)})) == Failure::none);
      lab.check_clean();
    }
  }

  TEST_CASE("a full disk refuses one change and keeps what is stored") {
    Lab lab;
    lab.plan(4);
    lab.disk.set_faults({.capacity_bytes = 1'000});

    CHECK(failure_of(lab.ledger->start(lab.ids(0, 4))) == Failure::resource_exhausted);
    CHECK(lab.state(0) == RolloutState::planned);
    lab.disk.set_faults({});
    CHECK(lab.ledger->start(lab.ids(0, 4)));
    lab.check_clean();
  }

  TEST_CASE("runs keep their status, refuse to be made twice, and stand apart") {
    Lab lab;
    const RunRecord other = sample_run(2);
    REQUIRE(lab.ledger->create_run(other));
    REQUIRE(lab.ledger->set_run_status(other.id, RunStatus::interrupted));
    lab.plan(4);
    lab.reopen();

    CHECK(failure_of(lab.ledger->create_run(other)) == Failure::already_exists);
    CHECK(lab.ledger->run(other.id)->status == RunStatus::interrupted);
    CHECK(lab.ledger->run(lab.run.id)->spec_text == lab.run.spec_text);
    CHECK(lab.ledger->run(lab.run.id)->seed == lab.run.seed);
    CHECK(lab.ledger->planned_count(other.id).value() == 0);
    CHECK(lab.ledger->runs().size() == 2);
    CHECK(failure_of(lab.ledger->set_run_status(sample_run(3).id, RunStatus::failed)) ==
          Failure::not_found);
  }

  TEST_CASE("a run names data sets that are stored, and its lineage says so") {
    Lab lab;
    DatasetStore datasets{lab.disk, lab.clock};
    const auto dataset = datasets.put({"lists", "train", "by hand", {sample_task()}, {}});
    REQUIRE(dataset);
    RunRecord run = sample_run(5);
    run.datasets = {dataset->id};
    RunRecord dangling = sample_run(6);
    dangling.datasets = {derive_id<DatasetVersionId>(AnyId{1, 1}, 1)};

    REQUIRE(lab.ledger->create_run(run));

    CHECK(failure_of(lab.ledger->create_run(dangling)) == Failure::not_found);
    const auto edges = edges_to(lab.disk, dataset->id);
    REQUIRE(edges);
    CHECK(*edges == std::vector<Edge>{{run.id, Relation::trained_on, dataset->id}});
    lab.check_clean();
  }
}

}  // namespace flywheel
