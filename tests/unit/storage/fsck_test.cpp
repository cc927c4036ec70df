// A whole workspace in memory, one thing broken at a time: fsck names it, and only then.
#include "storage/fsck.hpp"

#include <fstream>

#include <doctest/doctest.h>

#include "storage/checkpoint_index.hpp"
#include "storage/conversation_store.hpp"
#include "storage/dataset_store.hpp"
#include "storage/keys.hpp"
#include "storage/ledger_store.hpp"
#include "storage/lineage.hpp"
#include "storage/memory_store.hpp"
#include "storage/record_envelope.hpp"
#include "storage/record_format.hpp"
#include "tests/unit/storage/sample_records.hpp"
#include "tests/unit/storage/temporary_folder.hpp"

namespace flywheel {
namespace {

// A run with two steps, a data set, a checkpoint, a snapshot, a conversation and a vote.
struct Lab {
  TemporaryFolder folder{};
  MemoryStore disk{};
  RunRecord run = sample_run();
  DatasetVersionId dataset{};
  CheckpointId checkpoint = derive_id<CheckpointId>(AnyId{9, 9}, 1);
  ConversationId conversation = derive_id<ConversationId>(AnyId{9, 9}, 2);
  VoteId vote = derive_id<VoteId>(AnyId{9, 9}, 3);

  Lab() {
    const auto stored = DatasetStore{disk, system_clock()}.put(
        {"lists", "train", "test", {sample_task(1), sample_task(2)}, {}});
    REQUIRE(stored);
    dataset = stored->id;
    run.datasets = {dataset};
    learn();
    publish();
    talk();
    check({});
  }

  RolloutId id(std::uint64_t index) const { return derive_id<RolloutId>(run.id, index); }

  void learn() {
    auto ledger = LedgerStore::open(disk, system_clock());
    REQUIRE(ledger);
    REQUIRE((*ledger)->create_run(run));
    std::vector<LedgerChange> changes;
    changes.push_back(PlanRollouts{sample_rollouts(run, 0, 12)});
    for (std::uint64_t i = 0; i < 10; ++i) {
      changes.push_back(StartRollouts{{id(i)}});
      changes.push_back(FinishRollout{id(i), sample_transcript(4, 0)});
      changes.push_back(GradeRollout{id(i), sample_verdict()});
    }
    for (std::uint64_t step : {1, 2}) {
      const auto first = 4 * (step - 1);
      changes.push_back(
          LeaseRollouts{run.id, step, {id(first), id(first + 1), id(first + 2), id(first + 3)}});
      changes.push_back(CommitStep{sample_step(run, step)});
    }
    changes.push_back(LeaseRollouts{run.id, 3, {id(8)}});
    for (const auto& answer : (*ledger)->apply(std::move(changes))) REQUIRE(answer);
  }

  void publish() {
    std::filesystem::create_directories(folder.path() / "checkpoints/a");
    std::ofstream{folder.path() / "checkpoints/a/config.json"} << "{}";
    std::ofstream{folder.path() / "snapshot"} << "state";
    CheckpointIndex index{disk, folder.path()};
    CheckpointRecord record;
    record.id = checkpoint;
    record.run = run.id;
    record.step = 2;
    record.folder = "checkpoints/a";
    REQUIRE(index.add_checkpoint(record));
    REQUIRE(index.commit_snapshot(run.id, 2, folder.path() / "snapshot", {2, 2}, 1, 2));
  }

  void talk() {
    ConversationStore store{disk};
    REQUIRE(store.create({conversation, "chat", 1, checkpoint, "", sample_transcript()}));
    Vote record;
    record.id = vote;
    record.candidates = {{checkpoint, conversation, 1}};
    REQUIRE(store.add_vote(record));
  }

  // The findings hold each of the texts, and nothing where there are none.
  FsckReport check(const std::vector<std::string>& texts) const {
    const auto report = check_store(disk, folder.path());
    REQUIRE(report);
    CHECK(report->is_clean() == texts.empty());
    std::string all;
    for (const std::string& finding : report->findings) {
      CHECK(finding.find('\n') == std::string::npos);
      all += finding + "\n";
    }
    for (const std::string& text : texts) {
      CAPTURE(all);
      CAPTURE(text);
      CHECK(all.find(text) != std::string::npos);
    }
    return *report;
  }

  void set_progress(std::uint64_t index, const RolloutProgress& progress) {
    disk.overwrite(id_key(RecordKind::rollout_progress, id(index)), encode(progress));
  }
};

}  // namespace

TEST_SUITE("storage/fsck") {
  TEST_CASE("a healthy workspace is clean and counted") {
    Lab lab;

    const auto report = lab.check({});

    CHECK(report.run_count == 1);
    CHECK(report.rollouts == StateCounts{2, 0, 0, 1, 1, 8, 0});
    CHECK(report.lost_count == 0);
    CHECK(report.twice_count == 0);
    CHECK(report.record_count > 50);
  }

  TEST_CASE("a lost rollout is found whichever of its records is gone") {
    for (const RecordKind kind : {RecordKind::rollout_plan, RecordKind::rollout_progress}) {
      Lab lab;
      lab.disk.overwrite(id_key(kind, lab.id(5)), std::nullopt);
      CHECK(lab.check({"rollout 5 of"}).lost_count == 1);
    }
    Lab lab;
    for (const RecordKind kind : {RecordKind::rollout_plan, RecordKind::rollout_progress,
                                  RecordKind::transcript, RecordKind::verdict})
      lab.disk.overwrite(id_key(kind, lab.id(9)), std::nullopt);
    CHECK(lab.check({"rollout 9 of", "is lost"}).lost_count == 1);
  }

  TEST_CASE("a rollout that two steps list is found") {
    Lab lab;
    StepRecord step = sample_step(lab.run, 2);
    step.consumed = {lab.id(3), lab.id(4), lab.id(5), lab.id(6), lab.id(7)};
    lab.disk.overwrite(number_key(RecordKind::step, lab.run.id, 2), encode(step));

    CHECK(lab.check({"rollout 3 of", "is consumed twice: by steps 1 and 2"}).twice_count == 1);
  }

  TEST_CASE("states that do not fit the steps are found") {
    Lab lab;
    lab.set_progress(0, {RolloutState::graded, 0, 0, 0, ""});
    lab.set_progress(8, {RolloutState::leased, 7, 0, 0, ""});
    lab.set_progress(9, {RolloutState::consumed, 2, 0, 0, ""});
    lab.set_progress(10, {RolloutState::finished, 0, 0, 0, ""});
    lab.set_progress(11, {RolloutState::discarded, 3, 0, 0, ""});

    lab.check({"step 1 lists it as consumed", "leased to step 7, but the next step is 3",
               "rollout 9 of " + to_string(lab.run.id) + " is consumed by step 2, which does not",
               "is finished without a transcript", "is discarded without a reason",
               "is discarded and names step 3"});
  }

  TEST_CASE("missing, shrinking and unknown things of steps are found") {
    Lab lab;
    lab.disk.overwrite(number_key(RecordKind::step, lab.run.id, 1), std::nullopt);
    StepRecord step = sample_step(lab.run, 3);
    step.policy_version = 2;
    step.consumed = {lab.id(400)};
    lab.disk.overwrite(number_key(RecordKind::step, lab.run.id, 3), encode(step));

    lab.check({"step 2 comes where step 1 is due", "the version does not grow at step 3",
               "which is not stored"});
  }

  TEST_CASE("files that are gone or changed are found, and snapshots of other states") {
    Lab lab;
    std::ofstream{lab.folder.path() / "snapshot"} << "stolen";
    std::filesystem::remove(lab.folder.path() / "checkpoints/a/config.json");
    lab.check({"snapshot has 6 bytes where 5 were recorded", "a recorded file is gone"});

    StepRecord step = sample_step(lab.run, 2);
    step.consumed = {lab.id(4), lab.id(5), lab.id(6), lab.id(7)};
    step.learner_state_hash = {77, 77};
    lab.disk.overwrite(number_key(RecordKind::step, lab.run.id, 2), encode(step));
    lab.check({"holds another state than the step left"});
    CHECK(check_store(lab.disk, {})->finding_count == 1);
  }

  TEST_CASE("lineage that stands in one direction only, or on nothing, is found") {
    Lab lab;
    const Edge edge{lab.vote, Relation::judges, lab.conversation};
    WriteBatch batch;
    put_edge(batch, edge);
    lab.disk.overwrite(batch.operations()[1].key, std::nullopt);
    lab.check({"stands only forward"});
    put_edge(batch, edge);
    lab.disk.overwrite(batch.operations()[1].key, seal_mark(RecordKind::edge_backward));
    lab.check({});
    lab.disk.overwrite(batch.operations()[0].key, std::nullopt);
    lab.check({"stands only backward", "judges " + to_string(lab.conversation) + " is missing"});

    Lab other;
    REQUIRE(add_edges(
        other.disk, {{other.vote, Relation::judges, derive_any_id(IdKind::run, AnyId{6, 6}, 6)}}));
    other.check({"which is not stored"});
  }

  TEST_CASE("ids that dangle are found for every kind of record") {
    struct Loss {
      std::string key;
      std::string text;
    };
    const Lab names;
    const Loss losses[] = {
        {id_key(RecordKind::run, names.run.id), "is of a run that is not stored"},
        {id_key(RecordKind::checkpoint, names.checkpoint), "which is not stored"},
        {id_key(RecordKind::conversation, names.conversation), "which is not stored"},
        {id_key(RecordKind::vote, names.vote), "which is not stored"},
        {number_key(RecordKind::conversation_turn, names.conversation, 0), "has no turn 0"},
        {pair_key(RecordKind::vote_on_conversation, names.conversation, names.vote),
         "does not list"},
    };
    for (const Loss& loss : losses) {
      Lab lab;
      CAPTURE(describe_key(loss.key));
      REQUIRE(lab.disk.get(loss.key));
      lab.disk.overwrite(loss.key, std::nullopt);
      lab.check({loss.text});
    }
    Lab lab;
    lab.disk.overwrite(id_key(RecordKind::dataset_version, lab.dataset), std::nullopt);
    lab.check({"names " + to_string(lab.dataset) + ", which is not stored"});
    Lab tasks;
    tasks.disk.overwrite(number_key(RecordKind::dataset_task, tasks.dataset, 1), std::nullopt);
    tasks.check({"has 1 of its 2 tasks"});
    Lab changed;
    changed.disk.overwrite(number_key(RecordKind::dataset_task, changed.dataset, 1),
                           encode(sample_task(7)));
    changed.check({"other tasks than its content hash says"});
  }

  TEST_CASE("records that do not decode, and kinds that nobody knows, are found") {
    Lab lab;
    lab.disk.overwrite(id_key(RecordKind::transcript, lab.id(2)), "garbage");
    lab.disk.overwrite(std::string("\x7f") + "future", "what?");
    std::string newer = encode(sample_verdict());
    newer[1] = 9;
    lab.disk.overwrite(id_key(RecordKind::verdict, lab.id(1)), newer);

    lab.check({"transcript record of " + to_string(lab.id(2)) + " is damaged", "unknown kind 127",
               "has format version 9"});
  }

  TEST_CASE("findings beyond the bound are counted, not listed") {
    Lab lab;
    for (std::uint64_t i = 0; i < 8; ++i)
      lab.disk.overwrite(id_key(RecordKind::transcript, lab.id(i)), "garbage");

    const auto report = check_store(lab.disk, lab.folder.path(), {.findings_max = 3});

    REQUIRE(report);
    CHECK(report->findings.size() == 3);
    CHECK(report->finding_count == 8);
  }
}

}  // namespace flywheel
