#include "storage/record_format.hpp"

#include "storage/container_store.hpp"
#include "storage/record_envelope.hpp"
#include "storage/transcript_format.hpp"

namespace flywheel {
namespace {

Json file_to_json(const FileRecord& file) {
  return {{"path", file.path}, {"size", file.size_bytes}, {"hash", hash_to_json(file.hash)}};
}

FileRecord file_from_json(const Json& json) {
  return {json.at("path").get<std::string>(), json.at("size").get<std::uint64_t>(),
          hash_from_json(json.at("hash"))};
}

// --- readers, one a record: they see the version, and give older ones' missing fields a value
// ------

void read(const OpenedRecord& record, RunRecord& run) {
  const Json& json = record.body;
  run.id = RunId{id_from_json(json.at("id"))};
  run.name = json.at("name").get<std::string>();
  run.spec_text = json.at("spec").get<std::string>();
  run.seed = json.at("seed").get<std::uint64_t>();
  run.created_ms = json.at("created_ms").get<std::uint64_t>();
  run.status = enum_from_json(json.at("status"), RunStatus::failed);
  run.is_deterministic = json.at("deterministic").get<bool>();
  run.group_size = json.at("group_size").get<std::uint32_t>();
  if (run.group_size == 0) throw FormatError("group_size is 0");
  run.base_weights = hash_from_json(json.at("base_weights"));
  run.datasets = typed_ids_from_json<DatasetVersionId>(json.at("datasets"));
}

void read(const OpenedRecord& record, RolloutPlan& plan) {
  const Json& json = record.body;
  plan.run = RunId{id_from_json(json.at("run"))};
  plan.index = json.at("index").get<std::uint64_t>();
  plan.group_index = json.at("group").get<std::uint64_t>();
  plan.sample_index = json.at("sample").get<std::uint32_t>();
  plan.task = task_from_json(json.at("task"));
}

void read(const OpenedRecord& record, RolloutProgress& progress) {
  const Json& json = record.body;
  progress.state = enum_from_json(json.at("state"), RolloutState::discarded);
  progress.step = json.at("step").get<std::uint64_t>();
  progress.oldest_version = json.at("oldest").get<PolicyVersion>();
  progress.newest_version = json.at("newest").get<PolicyVersion>();
  progress.discard_reason = json.at("reason").get<std::string>();
}

void read(const OpenedRecord& record, Transcript& transcript) {
  transcript = transcript_from_json(record.body);
}
void read(const OpenedRecord& record, Verdict& verdict) {
  verdict = verdict_from_json(record.body);
}
void read(const OpenedRecord& record, Task& task) {
  task = task_from_json(record.body);
}
void read(const OpenedRecord& record, Turn& turn) {
  turn = turn_from_json(record.body);
}

void read(const OpenedRecord& record, StepRecord& step) {
  const Json& json = record.body;
  step.run = RunId{id_from_json(json.at("run"))};
  step.step = json.at("step").get<std::uint64_t>();
  step.committed_ms = json.at("committed_ms").get<std::uint64_t>();
  step.policy_version = json.at("version").get<PolicyVersion>();
  step.weights_hash = hash_from_json(json.at("weights"));
  step.learner_state_hash = hash_from_json(json.at("learner_state"));
  step.random_state = bytes_from_json(json.at("random"));
  for (const auto& [source, position] : json.at("cursors").items())
    step.data_cursors[source] = position.get<std::uint64_t>();
  for (const Json& pair : json.at("staleness"))
    step.staleness[pair.at(0).get<std::uint64_t>()] = pair.at(1).get<std::uint64_t>();
  step.consumed = typed_ids_from_json<RolloutId>(json.at("consumed"));
  for (const auto& [name, value] : json.at("metrics").items())
    step.metrics[name] = double_from_json(value);
}

void read(const OpenedRecord& record, RunEvent& event) {
  const Json& json = record.body;
  event.run = RunId{id_from_json(json.at("run"))};
  event.at_ms = json.at("at_ms").get<std::uint64_t>();
  event.kind = json.at("kind").get<std::string>();
  event.details = json.at("details");
}

void read(const OpenedRecord& record, DatasetVersion& dataset) {
  const Json& json = record.body;
  dataset.id = DatasetVersionId{id_from_json(json.at("id"))};
  dataset.name = json.at("name").get<std::string>();
  dataset.split = json.at("split").get<std::string>();
  dataset.content_hash = hash_from_json(json.at("content"));
  dataset.task_count = json.at("tasks").get<std::uint64_t>();
  dataset.created_ms = json.at("created_ms").get<std::uint64_t>();
  dataset.source = json.at("source").get<std::string>();
  dataset.parents = typed_ids_from_json<DatasetVersionId>(json.at("parents"));
}

void read(const OpenedRecord& record, Conversation& conversation) {
  const Json& json = record.body;
  conversation.id = ConversationId{id_from_json(json.at("id"))};
  conversation.title = json.at("title").get<std::string>();
  conversation.created_ms = json.at("created_ms").get<std::uint64_t>();
  conversation.checkpoint = CheckpointId{id_from_json(json.at("checkpoint"))};
  conversation.model = json.at("model").get<std::string>();
  conversation.transcript = transcript_from_json(json.at("transcript"));
}

void read(const OpenedRecord& record, Vote& vote) {
  const Json& json = record.body;
  vote.id = VoteId{id_from_json(json.at("id"))};
  vote.created_ms = json.at("created_ms").get<std::uint64_t>();
  vote.rater = json.at("rater").get<std::string>();
  vote.origin = enum_from_json(json.at("origin"), RecordOrigin::synthetic);
  vote.choice = enum_from_json(json.at("choice"), VoteChoice::down);
  vote.note = json.at("note").get<std::string>();
  for (const Json& candidate : json.at("candidates"))
    vote.candidates.push_back({CheckpointId{id_from_json(candidate.at("checkpoint"))},
                               ConversationId{id_from_json(candidate.at("conversation"))},
                               candidate.at("turn").get<std::int32_t>()});
}

void read(const OpenedRecord& record, CheckpointRecord& checkpoint) {
  const Json& json = record.body;
  checkpoint.id = CheckpointId{id_from_json(json.at("id"))};
  checkpoint.run = RunId{id_from_json(json.at("run"))};
  checkpoint.step = json.at("step").get<std::uint64_t>();
  checkpoint.policy_version = json.at("version").get<PolicyVersion>();
  checkpoint.created_ms = json.at("created_ms").get<std::uint64_t>();
  checkpoint.folder = json.at("folder").get<std::string>();
  checkpoint.content_hash = hash_from_json(json.at("content"));
  checkpoint.tensor_hashes = hashes_from_json(json.at("tensors"));
  for (const Json& file : json.at("files")) checkpoint.files.push_back(file_from_json(file));
  checkpoint.parent = CheckpointId{id_from_json(json.at("parent"))};
}

void read(const OpenedRecord& record, SnapshotRecord& snapshot) {
  const Json& json = record.body;
  snapshot.run = RunId{id_from_json(json.at("run"))};
  snapshot.step = json.at("step").get<std::uint64_t>();
  snapshot.created_ms = json.at("created_ms").get<std::uint64_t>();
  snapshot.file = file_from_json(json.at("file"));
  snapshot.state_hash = hash_from_json(json.at("state"));
}

struct MetricValue {
  double value = 0.0;
};

void read(const OpenedRecord& record, MetricValue& metric) {
  metric.value = double_from_json(record.body.at("value"));
}

template <class Record>
Result<> check(std::string_view key, std::string_view value) {
  FLYWHEEL_TRY_VOID(decode<Record>(key, value));
  return {};
}

}  // namespace

std::string encode(const RunRecord& run) {
  return seal_record(RecordKind::run, 1,
                     {{"id", id_to_json(run.id)},
                      {"name", run.name},
                      {"spec", run.spec_text},
                      {"seed", run.seed},
                      {"created_ms", run.created_ms},
                      {"status", enum_to_json(run.status)},
                      {"deterministic", run.is_deterministic},
                      {"group_size", run.group_size},
                      {"base_weights", hash_to_json(run.base_weights)},
                      {"datasets", ids_to_json(run.datasets)}});
}

std::string encode(const RolloutPlan& plan) {
  return seal_record(RecordKind::rollout_plan, 1,
                     {{"run", id_to_json(plan.run)},
                      {"index", plan.index},
                      {"group", plan.group_index},
                      {"sample", plan.sample_index},
                      {"task", task_to_json(plan.task)}});
}

std::string encode(const RolloutProgress& progress) {
  return seal_record(RecordKind::rollout_progress, 1,
                     {{"state", enum_to_json(progress.state)},
                      {"step", progress.step},
                      {"oldest", progress.oldest_version},
                      {"newest", progress.newest_version},
                      {"reason", progress.discard_reason}});
}

std::string encode(const Transcript& transcript) {
  return seal_record(RecordKind::transcript, 1, transcript_to_json(transcript));
}
std::string encode(const Verdict& verdict) {
  return seal_record(RecordKind::verdict, 1, verdict_to_json(verdict));
}
std::string encode(const Task& task) {
  return seal_record(RecordKind::dataset_task, 1, task_to_json(task));
}
std::string encode(const Turn& turn) {
  return seal_record(RecordKind::conversation_turn, 1, turn_to_json(turn));
}

std::string encode(const StepRecord& step) {
  Json staleness = Json::array();
  for (const auto& [versions, count] : step.staleness)
    staleness.push_back(Json::array({versions, count}));
  Json metrics = Json::object();
  for (const auto& [name, value] : step.metrics) metrics[name] = double_to_json(value);
  return seal_record(RecordKind::step, 1,
                     {{"run", id_to_json(step.run)},
                      {"step", step.step},
                      {"committed_ms", step.committed_ms},
                      {"version", step.policy_version},
                      {"weights", hash_to_json(step.weights_hash)},
                      {"learner_state", hash_to_json(step.learner_state_hash)},
                      {"random", bytes_to_json(step.random_state)},
                      {"cursors", step.data_cursors},
                      {"staleness", std::move(staleness)},
                      {"consumed", ids_to_json(step.consumed)},
                      {"metrics", std::move(metrics)}});
}

std::string encode(const RunEvent& event) {
  return seal_record(RecordKind::run_event, 1,
                     {{"run", id_to_json(event.run)},
                      {"at_ms", event.at_ms},
                      {"kind", event.kind},
                      {"details", event.details}});
}

std::string encode(const DatasetVersion& dataset) {
  return seal_record(RecordKind::dataset_version, 1,
                     {{"id", id_to_json(dataset.id)},
                      {"name", dataset.name},
                      {"split", dataset.split},
                      {"content", hash_to_json(dataset.content_hash)},
                      {"tasks", dataset.task_count},
                      {"created_ms", dataset.created_ms},
                      {"source", dataset.source},
                      {"parents", ids_to_json(dataset.parents)}});
}

std::string encode(const Conversation& conversation) {
  return seal_record(RecordKind::conversation, 1,
                     {{"id", id_to_json(conversation.id)},
                      {"title", conversation.title},
                      {"created_ms", conversation.created_ms},
                      {"checkpoint", id_to_json(conversation.checkpoint)},
                      {"model", conversation.model},
                      {"transcript", transcript_to_json(conversation.transcript, false)}});
}

std::string encode(const Vote& vote) {
  Json candidates = Json::array();
  for (const VoteCandidate& candidate : vote.candidates)
    candidates.push_back({{"checkpoint", id_to_json(candidate.checkpoint)},
                          {"conversation", id_to_json(candidate.conversation)},
                          {"turn", candidate.turn}});
  return seal_record(RecordKind::vote, 1,
                     {{"id", id_to_json(vote.id)},
                      {"created_ms", vote.created_ms},
                      {"rater", vote.rater},
                      {"origin", enum_to_json(vote.origin)},
                      {"choice", enum_to_json(vote.choice)},
                      {"candidates", std::move(candidates)},
                      {"note", vote.note}});
}

std::string encode(const CheckpointRecord& checkpoint) {
  Json files = Json::array();
  for (const FileRecord& file : checkpoint.files) files.push_back(file_to_json(file));
  return seal_record(RecordKind::checkpoint, 1,
                     {{"id", id_to_json(checkpoint.id)},
                      {"run", id_to_json(checkpoint.run)},
                      {"step", checkpoint.step},
                      {"version", checkpoint.policy_version},
                      {"created_ms", checkpoint.created_ms},
                      {"folder", checkpoint.folder},
                      {"content", hash_to_json(checkpoint.content_hash)},
                      {"tensors", hashes_to_json(checkpoint.tensor_hashes)},
                      {"files", std::move(files)},
                      {"parent", id_to_json(checkpoint.parent)}});
}

std::string encode(const SnapshotRecord& snapshot) {
  return seal_record(RecordKind::snapshot, 1,
                     {{"run", id_to_json(snapshot.run)},
                      {"step", snapshot.step},
                      {"created_ms", snapshot.created_ms},
                      {"file", file_to_json(snapshot.file)},
                      {"state", hash_to_json(snapshot.state_hash)}});
}

std::string encode_metric(double value) {
  return seal_record(RecordKind::metric_point, 1, {{"value", double_to_json(value)}});
}

template <class Record>
Result<Record> decode(std::string_view key, std::string_view value) {
  FLYWHEEL_TRY(const OpenedRecord record, open_record(key, value, first_format_version));
  try {
    Record out;
    read(record, out);
    return out;
  } catch (const std::exception& error) {
    return fail(Failure::corrupt,
                describe_key(key) + " is damaged (" + error.what() + "); run flywheel fsck");
  }
}

template Result<RunRecord> decode(std::string_view, std::string_view);
template Result<RolloutPlan> decode(std::string_view, std::string_view);
template Result<RolloutProgress> decode(std::string_view, std::string_view);
template Result<Transcript> decode(std::string_view, std::string_view);
template Result<Verdict> decode(std::string_view, std::string_view);
template Result<StepRecord> decode(std::string_view, std::string_view);
template Result<RunEvent> decode(std::string_view, std::string_view);
template Result<DatasetVersion> decode(std::string_view, std::string_view);
template Result<Task> decode(std::string_view, std::string_view);
template Result<Conversation> decode(std::string_view, std::string_view);
template Result<Turn> decode(std::string_view, std::string_view);
template Result<Vote> decode(std::string_view, std::string_view);
template Result<CheckpointRecord> decode(std::string_view, std::string_view);
template Result<SnapshotRecord> decode(std::string_view, std::string_view);

Result<double> decode_metric(std::string_view key, std::string_view value) {
  FLYWHEEL_TRY(const MetricValue metric, decode<MetricValue>(key, value));
  return metric.value;
}

Result<> check_record(std::string_view key, std::string_view value) {
  switch (kind_of_key(key)) {
    case RecordKind::run:
      return check<RunRecord>(key, value);
    case RecordKind::rollout_plan:
      return check<RolloutPlan>(key, value);
    case RecordKind::rollout_progress:
      return check<RolloutProgress>(key, value);
    case RecordKind::transcript:
      return check<Transcript>(key, value);
    case RecordKind::verdict:
      return check<Verdict>(key, value);
    case RecordKind::step:
      return check<StepRecord>(key, value);
    case RecordKind::run_event:
      return check<RunEvent>(key, value);
    case RecordKind::dataset_version:
      return check<DatasetVersion>(key, value);
    case RecordKind::dataset_task:
      return check<Task>(key, value);
    case RecordKind::conversation:
      return check<Conversation>(key, value);
    case RecordKind::conversation_turn:
      return check<Turn>(key, value);
    case RecordKind::vote:
      return check<Vote>(key, value);
    case RecordKind::checkpoint:
      return check<CheckpointRecord>(key, value);
    case RecordKind::snapshot:
      return check<SnapshotRecord>(key, value);
    case RecordKind::metric_point:
      return check<MetricValue>(key, value);
    case RecordKind::vote_on_conversation:
    case RecordKind::metric_name:
    case RecordKind::edge_forward:
    case RecordKind::edge_backward:
      return check_mark(key, value);
    case RecordKind::container:
    case RecordKind::container_command:
    case RecordKind::idempotency_key:
      return check_container_record(key, value);
  }
  return fail(Failure::corrupt, describe_key(key) + ": no record of kind " +
                                    std::to_string(static_cast<unsigned>(kind_of_key(key))) +
                                    " is known");
}

}  // namespace flywheel
