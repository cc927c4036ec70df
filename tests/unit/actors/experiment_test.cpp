// A run whose parts fail: it goes on, or ends at once with the reason; it never waits for what
// can't come.
#include "actors/experiment.hpp"

#include <stdexcept>

#include <caf/typed_event_based_actor.hpp>
#include <doctest/doctest.h>

#include "actors/run_plan.hpp"
#include "storage/checkpoint_index.hpp"
#include "tests/support/experiment_lab.hpp"

namespace flywheel::testing {
namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

bool is_trained_on(const Task& task) {
  return task.split == split_train;
}

// Takes everything and answers nothing: it keeps its promises.
GraderActor spawn_silent_grader(caf::actor_system& system) {
  using Promises = std::vector<caf::typed_response_promise<Verdict>>;
  return system.spawn(
      [](GraderActor::pointer self,
         std::shared_ptr<Promises> promises) -> GraderActor::behavior_type {
        return {[self, promises](const GradeTranscript&) -> caf::result<Verdict> {
                  return promises->emplace_back(self->make_response_promise<Verdict>());
                },
                [](const JudgementEnded&) {}};
      },
      std::make_shared<Promises>());
}

// Every method of it that a step or a snapshot calls throws.
class BrokenTrainer final : public Trainer {
 public:
  Result<TrainReport> step(const TrainBatch&) override { broken(); }
  Result<TrainReport> evaluate(const TrainBatch&) override { broken(); }
  Result<std::vector<std::vector<float>>> log_probabilities(const TrainBatch&) override {
    broken();
  }
  std::uint64_t steps_taken() const override { return 0; }
  WeightsHandle weights(Precision) const override { broken(); }
  Hash128 state_hash() const override { broken(); }
  Result<Hash128> save(const std::string&) const override { broken(); }
  Result<std::shared_ptr<const TrainerState>> copy_state(std::uint64_t) const override { broken(); }
  Result<> load(const std::string&) override { broken(); }
  void on_pause(std::function<void()>) override {}

 private:
  [[noreturn]] static void broken() {
    throw std::runtime_error{"the optimiser is gone\nframe #0: main"};
  }
};

std::uint64_t count_of(const ExperimentLab& lab, RolloutState state) {
  return lab.store->counts(lab.record.id)->at(static_cast<std::size_t>(state));
}

// Steps that are committed and consumed nothing.
void commit_steps(ExperimentLab& lab, std::uint64_t count) {
  for (std::uint64_t step = 1; step <= count; ++step)
    REQUIRE(lab.store->commit_step({.run = lab.record.id, .step = step, .policy_version = step}));
}

// Past the measurement before the run.
void skip_before(ExperimentLab& lab) {
  lab.observer.evaluations["before"] = {};
}

}  // namespace

TEST_SUITE("actors/experiment") {
  TEST_CASE("a run measures, learns its steps, measures again and is finished") {
    ExperimentLab lab;

    lab.start();

    REQUIRE(lab.observer.outcome);
    CHECK(lab.observer.outcome->reason.empty());
    CHECK(lab.observer.outcome->status == RunStatus::finished);
    CHECK(lab.observer.steps == std::vector<std::uint64_t>{1, 2});
    CHECK(lab.observer.evaluations["before"].rollouts.size() == 20);
    CHECK(lab.observer.evaluations["after"].rollouts.size() == 20);
    CHECK(lab.run.waits.list().empty());
  }

  TEST_CASE("a stop that finds the run waiting for conversations ends it at once") {
    ExperimentLab lab;
    skip_before(lab);
    lab.parts.grader = spawn_silent_grader(lab.lab.system);
    lab.start();
    REQUIRE_FALSE(lab.observer.outcome);

    lab.stop();

    REQUIRE(lab.observer.outcome);
    CHECK(lab.observer.outcome->status == RunStatus::interrupted);
    CHECK(lab.observer.outcome->reason == "interrupted");
    CHECK(lab.observer.steps.empty());
  }

  TEST_CASE("rollouts that were discarded before a resume count when the rest of a group goes") {
    ExperimentLab lab;
    skip_before(lab);
    lab.run.context->spec.budget.steps = 1;
    std::vector<Rollout> group(2);
    for (std::uint32_t i = 0; i < 2; ++i) {
      group[i].run = lab.record.id;
      group[i].index = i;
      group[i].sample_index = i;
      group[i].id = derive_id<RolloutId>(lab.record.id, i);
      group[i].task.split = "broken";
    }
    REQUIRE(lab.store->plan(group));
    REQUIRE(lab.store->discard({group[0].id}, "nobody could judge it"));
    lab.script.judge = [judge = lab.script.judge](const Task& task) {
      return task.split == "broken" ? infra_error_verdict("scripted/1", "no sandbox") : judge(task);
    };
    CheckpointIndex checkpoints{lab.disk, "."};
    const Services services{.ledger = lab.store.get(), .checkpoints = &checkpoints};
    auto resume = resume_point(services, lab.record, lab.run.context->spec);
    REQUIRE(resume);

    lab.start(std::move(*resume));

    REQUIRE(lab.observer.outcome);
    CHECK(lab.observer.outcome->status == RunStatus::finished);
    CHECK(lab.observer.steps == std::vector<std::uint64_t>{1});
  }

  TEST_CASE("a replay that gives another hash rolls back to the snapshot it began with") {
    ExperimentLab lab;
    ResumePoint resume;
    resume.last_step = 2;
    resume.snapshot_step = 1;
    resume.replay.push_back({.run = lab.record.id, .step = 2, .learner_state_hash = {9, 9}});

    lab.start(std::move(resume));

    REQUIRE(lab.observer.outcome);
    CHECK(lab.observer.outcome->rolled_back);
    CHECK(lab.observer.outcome->snapshot_step == 1);
    CHECK(has(lab.observer.outcome->reason, "step 2 replayed to hash"));
  }

  TEST_CASE("an Experiment that breaks down ends its run with the words of what it met") {
    ExperimentLab lab;
    lab.observer.on_step = [] { throw std::runtime_error{"the curve can't be drawn"}; };

    lab.start();

    REQUIRE(lab.observer.outcome);
    CHECK(lab.observer.outcome->status == RunStatus::failed);
    CHECK(has(lab.observer.outcome->reason, "the curve can't be drawn"));
  }

  TEST_CASE("a finished rollout whose verdict can't be stored is judged again, not talked again") {
    for (const bool lands : {false, true}) {
      CAPTURE(lands);
      ExperimentLab lab;
      skip_before(lab);
      int judged = 0;
      lab.script.judge = [&, judge = lab.script.judge](const Task& task) {
        if (is_trained_on(task) && ++judged == 1)
          lab.disk.set_faults({.failing_write = 1, .failing_write_lands = lands});
        return judge(task);
      };
      int talked = 0;
      lab.script.on_task = [&](const Task& task) { talked += is_trained_on(task) ? 1 : 0; };

      lab.start();

      REQUIRE(lab.observer.outcome);
      CHECK(lab.observer.outcome->status == RunStatus::finished);
      CHECK(count_of(lab, RolloutState::discarded) == 0);
      CHECK(count_of(lab, RolloutState::consumed) == 4);
      CHECK(talked == 4);
      CHECK((judged == 4) == lands);  // what is graded needs no second verdict
      CHECK(lab.run.waits.list().empty());
    }
  }

  TEST_CASE("a step whose measurement was cut short is measured when it is replayed or loaded") {
    for (const bool is_replayed : {true, false}) {
      CAPTURE(is_replayed);
      ExperimentLab lab;
      skip_before(lab);
      lab.run.context->spec.budget.steps = 4;
      lab.run.context->spec.evaluation.every_steps = 2;
      lab.run.context->spec.evaluation.tasks_during = 3;
      commit_steps(lab, 2);
      ResumePoint resume{.last_step = 2, .snapshot_step = is_replayed ? 1U : 2U};
      if (is_replayed) resume.replay.push_back({.run = lab.record.id, .step = 2});

      lab.start(std::move(resume));

      REQUIRE(lab.observer.outcome);
      CHECK(lab.observer.outcome->status == RunStatus::finished);
      CHECK(lab.observer.steps == std::vector<std::uint64_t>{3, 4});
      REQUIRE(lab.observer.has_evaluation("step 2"));
      CHECK(lab.observer.evaluations["step 2"].version == 2);
      CHECK(lab.observer.evaluations["step 2"].rollouts.size() == 3);
      CHECK(lab.observer.evaluations.size() == 3);  // and before and after
    }
  }

  TEST_CASE("a step that has been measured is not measured again on a resume") {
    ExperimentLab lab;
    skip_before(lab);
    lab.run.context->spec.budget.steps = 4;
    lab.run.context->spec.evaluation.every_steps = 2;
    lab.observer.evaluations["step 2"].broken_count = 7;
    commit_steps(lab, 2);
    ResumePoint resume{.last_step = 2, .snapshot_step = 1};
    resume.replay.push_back({.run = lab.record.id, .step = 2});

    lab.start(std::move(resume));

    REQUIRE(lab.observer.outcome);
    CHECK(lab.observer.outcome->status == RunStatus::finished);
    CHECK(lab.observer.evaluations["step 2"].broken_count == 7);
  }

  TEST_CASE("a deterministic run that was rolled back talks the lost rollouts through again") {
    ExperimentLab lab;
    skip_before(lab);
    auto& spec = lab.run.context->spec;
    spec.deterministic = true;
    spec.staleness_max = 0;
    spec.budget.steps = 3;
    lab.record.id = lab.run.context->run = make_id<RunId>(lab.run.clock);
    lab.record.is_deterministic = true;
    REQUIRE(lab.store->create_run(lab.record));
    lab.start();
    REQUIRE(lab.observer.outcome);
    REQUIRE(lab.observer.outcome->status == RunStatus::finished);
    const auto report = lab.store->roll_back(lab.record.id, 1, 0, "another CPU");
    REQUIRE(report);
    CHECK(report->requeued.size() == 2);  // of step 3: of weights that are gone
    CheckpointIndex checkpoints{lab.disk, "."};
    const Services services{.ledger = lab.store.get(), .checkpoints = &checkpoints};
    auto resume = resume_point(services, lab.record, spec);
    REQUIRE(resume);
    CHECK(resume->replay.size() == 1);

    lab.start(std::move(*resume));

    REQUIRE(lab.observer.outcome);
    CHECK(lab.observer.outcome->status == RunStatus::finished);
    CHECK(lab.observer.steps == std::vector<std::uint64_t>{1, 2, 3, 2, 3});
    CHECK(count_of(lab, RolloutState::consumed) == 6);
    CHECK(lab.run.waits.list().empty());
  }

  TEST_CASE("a sampler that always breaks down ends the run with the words of what it met") {
    ExperimentLab lab;
    skip_before(lab);
    lab.script.on_decode = [] { throw std::runtime_error{"out of memory"}; };

    lab.start();

    REQUIRE(lab.observer.outcome);
    CHECK(lab.observer.outcome->status == RunStatus::failed);
    CHECK(has(lab.observer.outcome->reason, "out of memory"));
  }

  TEST_CASE("a learner that breaks down ends the run with one line of what it met") {
    ExperimentLab lab;
    skip_before(lab);
    lab.parts.ledger = spawn_ledger(lab.lab.system, *lab.store, Placement::shared);
    LearnerConfig config;
    config.make_trainer = [] {
      return Result<std::unique_ptr<Trainer>>{std::make_unique<BrokenTrainer>()};
    };
    config.ledger = lab.parts.ledger;
    lab.parts.learner =
        spawn_learner(lab.lab.system, lab.run.context, std::move(config), Placement::shared);

    lab.start();

    REQUIRE(lab.observer.outcome);
    CHECK(lab.observer.outcome->status == RunStatus::failed);
    CHECK(has(lab.observer.outcome->reason, "learner died: "));
    CHECK(has(lab.observer.outcome->reason, "the optimiser is gone"));
    CHECK_FALSE(has(lab.observer.outcome->reason, "frame #0"));
  }

  TEST_CASE("a simulated user that breaks down is replaced, in training and in an evaluation") {
    for (const bool in_training : {true, false}) {
      CAPTURE(in_training);
      ExperimentLab lab;
      bool was_thrown = false;
      lab.script.on_task = [&](const Task& task) {
        if (was_thrown || is_trained_on(task) != in_training) return;
        was_thrown = true;
        throw std::runtime_error{"no such task"};
      };

      lab.start();

      CHECK(was_thrown);
      REQUIRE(lab.observer.outcome);
      CHECK(lab.observer.outcome->status == RunStatus::finished);
      CHECK(lab.observer.evaluations["before"].rollouts.size() == 20);
      CHECK(lab.run.waits.list().empty());
    }
  }

  TEST_CASE("an evaluation whose sampler dies gives it the weights again and measures everything") {
    ExperimentLab lab;
    int turns = 0;
    lab.script.on_decode = [&] {
      if (++turns == 2) throw std::runtime_error{"out of memory"};
    };

    lab.start();

    REQUIRE(lab.observer.outcome);
    CHECK(lab.observer.outcome->status == RunStatus::finished);
    const Evaluated& before = lab.observer.evaluations["before"];
    CHECK(before.rollouts.size() == 20);
    CHECK(before.broken_count == 0);
  }

  TEST_CASE("an evaluation of which more than a twentieth broke is refused and not kept") {
    for (const int broken_tasks : {1, 2}) {
      CAPTURE(broken_tasks);
      ExperimentLab lab;
      std::vector<TaskId> broken;
      for (int i = 0; i < broken_tasks; ++i)
        broken.push_back(generated_task_id("scripted", split_held_out, i, 1));
      lab.script.on_task = [&](const Task& task) {
        if (std::find(broken.begin(), broken.end(), task.id) != broken.end())
          throw std::runtime_error{"no such task"};
      };

      lab.start();

      REQUIRE(lab.observer.outcome);
      if (broken_tasks == 1) {
        CHECK(lab.observer.outcome->status == RunStatus::finished);
        CHECK(lab.observer.evaluations["before"].broken_count == 1);
        continue;
      }
      CHECK(lab.observer.outcome->status == RunStatus::failed);
      CHECK(has(lab.observer.outcome->reason, "2 of 20 conversations broke"));
      CHECK_FALSE(lab.observer.has_evaluation("before"));
    }
  }

  TEST_CASE("a sampler that dies is given its weights again before anybody talks to it") {
    ExperimentLab lab;
    skip_before(lab);
    int turns = 0;
    lab.script.on_decode = [&] {
      if (++turns == 2) throw std::runtime_error{"out of memory"};
    };

    lab.start();

    REQUIRE(lab.observer.outcome);
    CHECK(lab.observer.outcome->status == RunStatus::finished);
    CHECK(count_of(lab, RolloutState::discarded) == 0);
    CHECK(lab.gauges->tokens_sampled == lab.script.tokens_said);
  }

  TEST_CASE("a sampler that can't prove its weights after a restart ends the run with the reason") {
    ExperimentLab lab;
    skip_before(lab);
    bool has_died = false;
    lab.script.on_decode = [&] {
      has_died = true;
      throw std::runtime_error{"out of memory"};
    };
    lab.script.on_install = [&](Hash128 held) { return has_died ? Hash128{1, 2} : held; };

    lab.start();

    REQUIRE(lab.observer.outcome);
    CHECK(lab.observer.outcome->status == RunStatus::failed);
    CHECK(has(lab.observer.outcome->reason, "sampler_0 holds weights"));
  }
}

}  // namespace flywheel::testing
