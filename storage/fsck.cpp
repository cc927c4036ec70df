#include "storage/fsck.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "storage/dataset_store.hpp"
#include "storage/fsck_ledger.hpp"
#include "storage/keys.hpp"
#include "storage/lineage.hpp"
#include "storage/stored_files.hpp"
#include "storage/stored_records.hpp"

namespace flywheel {
namespace {

constexpr std::size_t id_bytes = 16;

constexpr RecordKind kinds[] = {
    RecordKind::run,          RecordKind::rollout_plan,      RecordKind::rollout_progress,
    RecordKind::transcript,   RecordKind::verdict,           RecordKind::step,
    RecordKind::run_event,    RecordKind::dataset_version,   RecordKind::dataset_task,
    RecordKind::conversation, RecordKind::conversation_turn, RecordKind::vote,
    RecordKind::checkpoint,   RecordKind::snapshot,          RecordKind::vote_on_conversation,
    RecordKind::metric_point, RecordKind::metric_name,       RecordKind::edge_forward,
    RecordKind::edge_backward};

// The record under which something with such an id is stored; nothing for ids without a record.
std::optional<RecordKind> record_of(IdKind kind) {
  switch (kind) {
    case IdKind::run:
      return RecordKind::run;
    case IdKind::rollout:
      return RecordKind::rollout_plan;
    case IdKind::dataset_version:
      return RecordKind::dataset_version;
    case IdKind::conversation:
      return RecordKind::conversation;
    case IdKind::vote:
      return RecordKind::vote;
    case IdKind::checkpoint:
      return RecordKind::checkpoint;
    default:
      return std::nullopt;
  }
}

// Walks the stores one after the other; every check_* function is one paragraph of FORMAT.md.
class Checker {
 public:
  Checker(const KeyValueReader& store, const std::filesystem::path& home, FsckFindings& findings)
      : store_(store), home_(home), findings_(findings) {}

  Result<std::uint64_t> check_every_record();
  void check_datasets();
  void check_conversations();
  void check_votes();
  void check_checkpoints(bool verify_files);
  void check_snapshots(bool verify_files);
  void check_lineage();

 private:
  void need(const AnyId& id, std::string_view who);
  void need_edge(const Edge& edge);
  // Records that do not decode have been reported already: they are passed over.
  template <class Record>
  std::vector<Record> readable(const std::string& prefix);

  const KeyValueReader& store_;
  const std::filesystem::path& home_;
  FsckFindings& findings_;
};

template <class Record>
std::vector<Record> Checker::readable(const std::string& prefix) {
  std::vector<Record> records;
  const auto visit = [&](std::string_view key, std::string_view value) {
    if (auto record = decode<Record>(key, value)) records.push_back(std::move(*record));
    return true;
  };
  findings_.add_if_failed(store_.scan(prefix, visit));
  return records;
}

void Checker::need(const AnyId& id, std::string_view who) {
  const auto kind = record_of(id.kind());
  if (!kind) return;
  const auto stored = has_record(store_, id_key(*kind, id));
  if (stored && !*stored)
    findings_.add(fmt::format("{} names {}, which is not stored", who, to_string(id)));
}

void Checker::need_edge(const Edge& edge) {
  const auto edges = edges_from(store_, edge.subject);
  if (!edges || std::find(edges->begin(), edges->end(), edge) != edges->end()) return;
  findings_.add(fmt::format("the lineage {} {} {} is missing", to_string(edge.subject),
                            to_string(edge.relation), to_string(edge.object)));
}

Result<std::uint64_t> Checker::check_every_record() {
  std::uint64_t known_count = 0;
  std::uint64_t failed_kinds = 0;
  for (const RecordKind kind : kinds) {
    const auto visit = [&](std::string_view key, std::string_view value) {
      ++known_count;
      findings_.add_if_failed(check_record(key, value));
      return true;
    };
    const auto scanned = store_.scan(kind_key(kind), visit);
    findings_.add_if_failed(scanned);
    if (!scanned) ++failed_kinds;
  }
  if (failed_kinds == std::size(kinds))
    return fail(Failure::corrupt, "nothing of the database can be read: restore it from a copy");
  std::uint64_t count = 0;
  const auto visit_all = [&](std::string_view key, std::string_view) {
    ++count;
    if (std::find(std::begin(kinds), std::end(kinds), kind_of_key(key)) == std::end(kinds))
      findings_.add(fmt::format("a record of the unknown kind {} is stored",
                                static_cast<unsigned>(kind_of_key(key))));
    return true;
  };
  if (failed_kinds == 0) FLYWHEEL_TRY_VOID(store_.scan({}, visit_all));
  return std::max(count, known_count);
}

void Checker::check_datasets() {
  for (const auto& dataset : readable<DatasetVersion>(kind_key(RecordKind::dataset_version))) {
    const std::string name = to_string(dataset.id);
    const auto tasks = readable<Task>(id_key(RecordKind::dataset_task, dataset.id));
    if (tasks.size() != dataset.task_count)
      findings_.add(
          fmt::format("{} has {} of its {} tasks", name, tasks.size(), dataset.task_count));
    else if (content_hash_of(tasks) != dataset.content_hash)
      findings_.add(fmt::format("{} has other tasks than its content hash says", name));
    for (const DatasetVersionId& parent : dataset.parents) {
      need(parent, name);
      need_edge({dataset.id, Relation::derived_from, parent});
    }
  }
}

void Checker::check_conversations() {
  for (const auto& conversation : readable<Conversation>(kind_key(RecordKind::conversation))) {
    const std::string name = to_string(conversation.id);
    std::uint64_t next = 0;
    const auto visit = [&](std::string_view key, std::string_view value) {
      const std::uint64_t index = number_in_key(key, id_bytes);
      if (index != next) findings_.add(fmt::format("{} has no turn {}", name, next));
      next = index + 1;
      const auto turn = decode<Turn>(key, value);
      if (turn && turn->parent >= static_cast<std::int64_t>(index))
        findings_.add(fmt::format("turn {} of {} comes before its parent", index, name));
      return true;
    };
    findings_.add_if_failed(
        store_.scan(id_key(RecordKind::conversation_turn, conversation.id), visit));
    if (conversation.checkpoint.is_nil()) continue;
    need(conversation.checkpoint, name);
    need_edge({conversation.id, Relation::answered_by, conversation.checkpoint});
  }
}

void Checker::check_votes() {
  for (const Vote& vote : readable<Vote>(kind_key(RecordKind::vote)))
    for (const VoteCandidate& candidate : vote.candidates) {
      need(candidate.conversation, to_string(vote.id));
      need_edge({vote.id, Relation::judges, candidate.conversation});
      const auto mark = pair_key(RecordKind::vote_on_conversation, candidate.conversation, vote.id);
      const auto stored = has_record(store_, mark);
      if (stored && !*stored)
        findings_.add(fmt::format("{} does not list {}", to_string(candidate.conversation),
                                  to_string(vote.id)));
    }
  const auto visit = [&](std::string_view key, std::string_view) {
    need(id_in_key(key, id_bytes), to_string(id_in_key(key)));
    return true;
  };
  findings_.add_if_failed(store_.scan(kind_key(RecordKind::vote_on_conversation), visit));
}

void Checker::check_checkpoints(bool verify_files) {
  for (const auto& checkpoint : readable<CheckpointRecord>(kind_key(RecordKind::checkpoint))) {
    const std::string name = to_string(checkpoint.id);
    need(checkpoint.run, name);
    need_edge({checkpoint.id, Relation::made_by, checkpoint.run});
    if (!checkpoint.parent.is_nil()) {
      need(checkpoint.parent, name);
      need_edge({checkpoint.id, Relation::derived_from, checkpoint.parent});
    }
    if (!verify_files) continue;
    for (const FileRecord& file : checkpoint.files)
      findings_.add_if_failed(verify_file(home_ / checkpoint.folder, file));
  }
}

void Checker::check_snapshots(bool verify_files) {
  for (const auto& snapshot : readable<SnapshotRecord>(kind_key(RecordKind::snapshot))) {
    const auto name =
        fmt::format("the snapshot of step {} of {}", snapshot.step, to_string(snapshot.run));
    need(snapshot.run, name);
    if (verify_files) findings_.add_if_failed(verify_file(home_, snapshot.file));
    if (snapshot.step == 0) continue;
    const auto step =
        read_record<StepRecord>(store_, number_key(RecordKind::step, snapshot.run, snapshot.step));
    if (!step && step.error().failure == Failure::not_found)
      findings_.add(name + " is of a step that was never committed");
    if (step && step->learner_state_hash != Hash128{} &&
        step->learner_state_hash != snapshot.state_hash)
      findings_.add(name + " holds another state than the step left");
  }
}

void Checker::check_lineage() {
  std::set<Edge> forward;
  std::set<Edge> backward;
  const auto collect = [this](RecordKind kind, std::set<Edge>& edges) {
    const auto visit = [&](std::string_view key, std::string_view) {
      if (const auto edge = edge_in_key(key))
        edges.insert(*edge);
      else
        findings_.add(describe_key(key) + " has a damaged key");
      return true;
    };
    findings_.add_if_failed(store_.scan(kind_key(kind), visit));
  };
  collect(RecordKind::edge_forward, forward);
  collect(RecordKind::edge_backward, backward);
  const auto report = [this](const Edge& edge, std::string_view what) {
    findings_.add(fmt::format("the lineage {} {} {} stands only {}", to_string(edge.subject),
                              to_string(edge.relation), to_string(edge.object), what));
  };
  for (const Edge& edge : forward) {
    if (!backward.contains(edge)) report(edge, "forward");
    need(edge.subject, "lineage");
    need(edge.object, "lineage");
  }
  for (const Edge& edge : backward)
    if (!forward.contains(edge)) report(edge, "backward");
}

}  // namespace

Result<FsckReport> check_store(const KeyValueReader& store, const std::filesystem::path& home,
                               const FsckOptions& options) {
  FsckReport report;
  FsckFindings findings{report, options.findings_max};
  Checker checker{store, home, findings};
  const bool verify_files = options.verify_files && !home.empty();
  FLYWHEEL_TRY(report.record_count, checker.check_every_record());
  check_ledger(store, findings);
  checker.check_datasets();
  checker.check_conversations();
  checker.check_votes();
  checker.check_checkpoints(verify_files);
  checker.check_snapshots(verify_files);
  checker.check_lineage();
  return report;
}

}  // namespace flywheel
