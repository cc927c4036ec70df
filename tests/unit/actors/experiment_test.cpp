// A run whose parts fail: it goes on, or ends at once with the reason; it never waits for what
// can't come.
#include "actors/experiment.hpp"

#include <stdexcept>

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
    CHECK(lab.store->counts(lab.record.id)->at(static_cast<std::size_t>(RolloutState::discarded)) ==
          0);
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
