// What a run tells its keeper is kept whole, or said not to be kept.
#include "actors/run_keeper.hpp"

#include <doctest/doctest.h>

#include "storage/memory_store.hpp"
#include "tests/support/run_fixture.hpp"
#include "tests/unit/storage/temporary_folder.hpp"

namespace flywheel::testing {
namespace {

Evaluated one_passed_task() {
  Evaluated evaluated{.name = "step 2", .version = 2};
  Rollout rollout;
  rollout.task.family = "structured_requests";
  rollout.task.split = split_held_out;
  rollout.transcript.turns.resize(2);
  rollout.verdict.status = VerdictStatus::pass;
  rollout.verdict.turns.push_back({.turn = 1, .passed = true, .reward = 1.0});
  evaluated.rollouts.push_back(rollout);
  return evaluated;
}

}  // namespace

TEST_CASE("an evaluation is there only once its points of the curves are") {
  TemporaryFolder folder;
  const auto workspace = *Workspace::open({.home = folder.path() / "home"});
  MemoryStore disk;
  MetricStore metrics{disk};
  RunFixture run;
  RunFeed feed;
  RunKeeper keeper{
      {.context = run.context, .workspace = workspace.get(), .metrics = &metrics, .feed = &feed}};
  const std::string curve = "evaluation/held_out_first_turn";

  disk.set_faults({.failing_write = 1});
  CHECK_FALSE(keeper.evaluated(one_passed_task()));
  CHECK_FALSE(keeper.has_evaluation("step 2"));

  REQUIRE(keeper.evaluated(one_passed_task()));
  CHECK(keeper.has_evaluation("step 2"));
  CHECK(metrics.series(run.context->run, curve)->size() == 1);
  REQUIRE(keeper.evaluated(one_passed_task()));  // once more, as a resume may
  CHECK(metrics.series(run.context->run, curve)->size() == 1);
}

}  // namespace flywheel::testing
