// What a run goes on from: its snapshots, its evaluations and its data after a crash, a roll-back
// or a change of a file.
#include "actors/run_plan.hpp"

#include <fstream>
#include <map>

#include <doctest/doctest.h>

#include "actors/evaluation_file.hpp"
#include "runtime/tasks/task_registry.hpp"
#include "storage/memory_store.hpp"
#include "tests/unit/storage/temporary_folder.hpp"

namespace flywheel {
namespace {

namespace fs = std::filesystem;

struct PlanLab {
  TemporaryFolder folder{};
  std::unique_ptr<Workspace> workspace = *Workspace::open({.home = folder.path() / "home"});
  MemoryStore disk{};
  ManualClock clock{};
  std::unique_ptr<LedgerStore> ledger = *LedgerStore::open(disk, clock);
  CheckpointIndex checkpoints{disk, workspace->home()};
  DatasetStore datasets{disk, clock};
  Services services{.workspace = workspace.get(),
                    .ledger = ledger.get(),
                    .datasets = &datasets,
                    .checkpoints = &checkpoints,
                    .clock = &clock};
  std::shared_ptr<const TaskFamily> family =
      *open_task_family("structured_requests", Json::object());
  ExperimentSpec spec{};
  RunRecord record{};

  PlanLab() {
    spec.task.family = "structured_requests";
    spec.data.train_tasks = 4;
    spec.data.held_out_tasks = 3;
  }

  void create() {
    auto created = create_run(services, spec, *family, {});
    REQUIRE(created);
    record = *created;
  }
  void commit(std::uint64_t step, Hash128 state) {
    REQUIRE(ledger->commit_step(
        {.run = record.id, .step = step, .policy_version = step, .learner_state_hash = state}));
  }
  void save(std::uint64_t step, Hash128 state) {
    const auto path = workspace->snapshot_folder(record.id) / ("step_" + std::to_string(step));
    std::ofstream{path} << "state " << step;
    REQUIRE(checkpoints.commit_snapshot(record.id, step, path, state, 1, 3));
  }
  fs::path evaluations() const { return workspace->run_folder(record.id) / "evaluations"; }

  // A task a line, the first `count` held-out ones.
  std::string write_tasks(std::uint64_t count) const {
    const fs::path path = folder.path() / "by_hand.jsonl";
    std::ofstream file{path};
    for (std::uint64_t i = 0; i < count; ++i)
      file << Json{{"family", spec.task.family},
                   {"parameters", family->make_task(split_held_out, i, 9)->parameters}}
                  .dump()
           << "\n";
    return path.string();
  }
};

}  // namespace

TEST_SUITE("actors/run_plan") {
  TEST_CASE("a snapshot whose state is not what its step committed is passed over") {
    PlanLab lab;
    lab.create();
    lab.commit(1, {1, 1});
    lab.commit(2, {2, 2});
    lab.save(1, {1, 1});
    lab.save(2, {2, 9});  // of a line that was rolled back, before the step was taken anew

    const auto resume = resume_point(lab.services, lab.record, lab.spec);

    REQUIRE(resume);
    CHECK(resume->last_step == 2);
    CHECK(resume->snapshot_step == 1);
    CHECK(resume->snapshot_hash == Hash128{1, 1});
    REQUIRE(resume->replay.size() == 1);
    CHECK(resume->replay.front().step == 2);
  }

  TEST_CASE("a roll-back that is cut short leaves its steps and nothing of them to resume from") {
    PlanLab lab;
    lab.create();
    for (std::uint64_t step = 1; step <= 2; ++step) {
      lab.commit(step, {step, 1});
      lab.save(step, {step, 1});
    }
    lab.disk.set_faults({.failing_write = 2});

    CHECK_FALSE(roll_back_to_snapshot(lab.services, lab.record, lab.spec, 1, "another CPU"));

    CHECK(lab.ledger->last_step(lab.record.id).value() == 2);
    CHECK(lab.checkpoints.snapshots(lab.record.id)->size() == 1);
    const auto resume = resume_point(lab.services, lab.record, lab.spec);
    REQUIRE(resume);
    CHECK(resume->snapshot_step == 1);
    CHECK(resume->replay.size() == 1);

    REQUIRE(roll_back_to_snapshot(lab.services, lab.record, lab.spec, 1, "another CPU"));
    CHECK(lab.ledger->last_step(lab.record.id).value() == 1);
  }

  TEST_CASE("a roll-back forgets the evaluations of the weights that are gone, and only those") {
    PlanLab lab;
    lab.create();
    lab.commit(1, {1, 1});
    lab.commit(2, {2, 1});
    const std::map<std::string, PolicyVersion> kept{
        {"before", 0}, {"step 1", 1}, {"step 2", 2}, {"after", 2}};
    for (const auto& [name, version] : kept)
      REQUIRE(write_evaluation(lab.evaluations(), {.name = name, .version = version}));

    REQUIRE(roll_back_to_snapshot(lab.services, lab.record, lab.spec, 1, "another CPU"));

    CHECK(evaluation_names(lab.evaluations()) == std::vector<std::string>{"before", "step 1"});
  }

  TEST_CASE("data that changed since the run began are refused with split and file") {
    PlanLab lab;
    lab.spec.data.hand_written = lab.write_tasks(2);
    lab.create();
    const auto checked = [&] {
      return check_data_unchanged(lab.services, lab.record, lab.spec, *lab.family);
    };
    REQUIRE(lab.record.datasets.size() == 3);
    CHECK(checked());

    lab.write_tasks(3);
    const auto refused = checked();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().failure == Failure::hash_mismatch);
    CHECK(refused.error().message.find("by_hand.jsonl") != std::string::npos);
    CHECK(refused.error().message.find("hand_written") != std::string::npos);

    lab.write_tasks(2);
    CHECK(checked());
    lab.spec.seed += 1;  // the generated ones are others, too
    REQUIRE_FALSE(checked());
    CHECK(checked().error().message.find("the train tasks of structured_requests") !=
          std::string::npos);
  }
}

}  // namespace flywheel
