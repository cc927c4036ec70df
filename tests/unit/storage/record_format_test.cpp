// The bytes of records: round trips bit by bit, bytes of earlier versions, newer and damaged ones.
#include "storage/record_format.hpp"

#include <bit>
#include <cmath>
#include <fstream>
#include <sstream>

#include <doctest/doctest.h>

#include "storage/record_envelope.hpp"
#include "tests/unit/storage/sample_records.hpp"

namespace flywheel {
namespace {

std::vector<std::uint32_t> bits_of(const std::vector<float>& floats) {
  std::vector<std::uint32_t> bits;
  bits.reserve(floats.size());
  for (const float value : floats) bits.push_back(std::bit_cast<std::uint32_t>(value));
  return bits;
}

CheckpointRecord sample_checkpoint() {
  CheckpointRecord checkpoint;
  checkpoint.id = derive_id<CheckpointId>(AnyId{9, 9}, 1);
  checkpoint.run = sample_run().id;
  checkpoint.step = 15;
  checkpoint.policy_version = 15;
  checkpoint.created_ms = 1'800'000'000'123;
  checkpoint.folder = "checkpoints/x";
  checkpoint.content_hash = {1, 2};
  checkpoint.tensor_hashes = {{"model.embed_tokens.weight", {3, 4}}, {"lm_head.weight", {5, 6}}};
  checkpoint.files = {{"config.json", 17, {7, 8}}};
  checkpoint.parent = derive_id<CheckpointId>(AnyId{9, 9}, 0);
  return checkpoint;
}

Vote sample_vote() {
  Vote vote;
  vote.id = derive_id<VoteId>(AnyId{9, 9}, 2);
  vote.created_ms = 5;
  vote.rater = "ann";
  vote.origin = RecordOrigin::human;
  vote.choice = VoteChoice::both_bad;
  vote.candidates = {{{}, derive_id<ConversationId>(AnyId{9, 9}, 3), 1},
                     {sample_checkpoint().id, derive_id<ConversationId>(AnyId{9, 9}, 4), 1}};
  vote.note = "neither";
  return vote;
}

DatasetVersion sample_dataset() {
  return {derive_id<DatasetVersionId>(AnyId{9, 9}, 5),
          "lists",
          "train",
          {1, 2},
          3,
          4,
          "generator seed 7",
          {derive_id<DatasetVersionId>(AnyId{9, 9}, 4)}};
}

Conversation sample_conversation() {
  return {derive_id<ConversationId>(AnyId{9, 9}, 3),    "lists", 6, sample_checkpoint().id, "base",
          {"ann", RecordOrigin::human, true, false, {}}};
}

// What every record of a kind must come back as: the same bytes when it is encoded again.
template <class Record>
void check_round_trip(RecordKind kind, const Record& record) {
  const std::string key = kind_key(kind);
  const std::string bytes = encode(record);
  const auto decoded = decode<Record>(key, bytes);
  REQUIRE_MESSAGE(decoded, (decoded ? "" : decoded.error().message));
  CHECK(encode(*decoded) == bytes);
  CHECK(check_record(key, bytes));
}

// Every kind of record, as this version writes it.
std::vector<std::pair<RecordKind, std::string>> every_record() {
  RolloutPlan plan{sample_run().id, 5, 1, 1, sample_task()};
  RolloutProgress progress{RolloutState::discarded, 0, 2, 3, "quarantined"};
  StepRecord step = sample_step(sample_run(), 2);
  step.consumed = {derive_id<RolloutId>(sample_run().id, 0)};
  const RunEvent event{sample_run().id, 7, "rolled_back", {{"to_step", 3}}};
  const SnapshotRecord snapshot{sample_run().id, 4, 8, {"runs/x/snapshots/4", 10, {1, 2}}, {3, 4}};
  RunRecord run = sample_run();
  run.datasets = {sample_dataset().id};
  return {{RecordKind::run, encode(run)},
          {RecordKind::rollout_plan, encode(plan)},
          {RecordKind::rollout_progress, encode(progress)},
          {RecordKind::transcript, encode(sample_transcript())},
          {RecordKind::verdict, encode(sample_verdict())},
          {RecordKind::step, encode(step)},
          {RecordKind::run_event, encode(event)},
          {RecordKind::dataset_version, encode(sample_dataset())},
          {RecordKind::dataset_task, encode(sample_task())},
          {RecordKind::conversation, encode(sample_conversation())},
          {RecordKind::conversation_turn, encode(sample_transcript().turns[1])},
          {RecordKind::vote, encode(sample_vote())},
          {RecordKind::checkpoint, encode(sample_checkpoint())},
          {RecordKind::snapshot, encode(snapshot)},
          {RecordKind::metric_point, encode_metric(-0.0)}};
}

std::string hex_of(const std::string& bytes) {
  std::string text;
  for (const char byte : bytes) {
    constexpr const char* digits = "0123456789abcdef";
    text.push_back(digits[static_cast<unsigned char>(byte) >> 4]);
    text.push_back(digits[static_cast<unsigned char>(byte) & 15]);
  }
  return text;
}

std::string bytes_of(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return bytes;
}

}  // namespace

TEST_SUITE("storage/record_format") {
  TEST_CASE("every record decodes to what was encoded") {
    const auto records = every_record();
    check_round_trip<RunRecord>(RecordKind::run, sample_run());
    check_round_trip<Verdict>(RecordKind::verdict, sample_verdict());
    check_round_trip<StepRecord>(RecordKind::step, sample_step(sample_run(), 3));
    check_round_trip<DatasetVersion>(RecordKind::dataset_version, sample_dataset());
    check_round_trip<Conversation>(RecordKind::conversation, sample_conversation());
    check_round_trip<Vote>(RecordKind::vote, sample_vote());
    check_round_trip<CheckpointRecord>(RecordKind::checkpoint, sample_checkpoint());
    for (const auto& record : records) {
      CAPTURE(to_string(record.first));
      CHECK(check_record(kind_key(record.first), record.second));
    }
  }

  TEST_CASE("tokens and log-probabilities keep every bit: NaN, infinities, -0, denormals") {
    const Transcript transcript = sample_transcript();

    const auto decoded = decode<Transcript>(kind_key(RecordKind::transcript), encode(transcript));

    REQUIRE(decoded);
    REQUIRE(decoded->turns.size() == 2);
    const Span& before = transcript.turns[1].spans[0];
    const Span& after = decoded->turns[1].spans[0];
    CHECK(bits_of(after.log_probabilities) == bits_of(before.log_probabilities));
    CHECK(after.tokens == before.tokens);
    CHECK(after.policy_version == 3);
    CHECK(after.carries_loss);
    CHECK(decoded->turns[0].spans[0].tokens == transcript.turns[0].spans[0].tokens);
    CHECK(decoded->turns[1].parts[0].text == transcript.turns[1].parts[0].text);
    CHECK(decoded->turns[1].parts[1].call_id == "call-1");
    CHECK(decoded->turns[1].finish == FinishReason::length);
    CHECK(decoded->owner == transcript.owner);
    CHECK(decoded->consent);
  }

  TEST_CASE("metrics keep every bit") {
    const double nan_with_payload = std::bit_cast<double>(0x7ff8'0000'dead'beefULL);
    for (const double value :
         {0.0, -0.0, 1e-310, nan_with_payload, std::nan(""), HUGE_VAL, -HUGE_VAL}) {
      const auto decoded = decode_metric(kind_key(RecordKind::metric_point), encode_metric(value));
      REQUIRE(decoded);
      CHECK(std::bit_cast<std::uint64_t>(*decoded) == std::bit_cast<std::uint64_t>(value));
    }
    const auto step =
        decode<StepRecord>(kind_key(RecordKind::step), encode(sample_step(sample_run(), 3)));
    REQUIRE(step);
    CHECK(std::signbit(step->metrics.at("loss")));
    CHECK(std::isnan(step->metrics.at("reward")));
    CHECK(step->random_state == sample_step(sample_run(), 3).random_state);
    CHECK(step->staleness.at(1) == 1);
    CHECK(step->data_cursors.at("train") == 24);
  }

  TEST_CASE("bytes that format version 1 wrote are read, and written again the same") {
    // golden/records_v1.txt: one line a record, `kind hex`. Never edited: a new version adds a
    // file.
    const std::string path = "tests/unit/storage/golden/records_v1.txt";
    std::ifstream file{path};
    REQUIRE_MESSAGE(file.is_open(), "missing ", path);
    std::map<unsigned, std::string> current;
    for (const auto& [kind, bytes] : every_record()) current[static_cast<unsigned>(kind)] = bytes;
    std::size_t count = 0;
    std::string hex;
    for (unsigned kind = 0; file >> kind >> hex; ++count) {
      const auto record_kind = static_cast<RecordKind>(kind);
      CAPTURE(to_string(record_kind));
      const auto checked = check_record(kind_key(record_kind), bytes_of(hex));
      CHECK_MESSAGE(checked, (checked ? "" : checked.error().message));
      CHECK(hex_of(current[kind]) == hex);
    }
    CHECK(count == every_record().size());
  }

  TEST_CASE("a newer record is too new, with one line that names it") {
    std::string bytes = encode(sample_run());
    bytes[1] = 2;

    const auto decoded = decode<RunRecord>(id_key(RecordKind::run, sample_run().id), bytes);

    REQUIRE(!decoded);
    CHECK(decoded.error().failure == Failure::too_new);
    CHECK(decoded.error().message.find(to_string(sample_run().id)) != std::string::npos);
    CHECK(decoded.error().message.find('\n') == std::string::npos);
  }

  TEST_CASE("damaged bytes are corrupt, never a crash: every truncation and every flipped byte") {
    for (const auto& record : every_record()) {
      const RecordKind kind = record.first;
      const std::string& bytes = record.second;
      CAPTURE(to_string(kind));
      const std::string key = kind_key(kind);
      for (std::size_t size = 0; size < bytes.size(); ++size) {
        const auto checked = check_record(key, bytes.substr(0, size));
        REQUIRE(!checked);
        REQUIRE(checked.error().failure == Failure::corrupt);
      }
      for (std::size_t i = 0; i < bytes.size(); ++i) {
        std::string flipped = bytes;
        flipped[i] = static_cast<char>(flipped[i] ^ 0x55);
        const auto checked = check_record(key, flipped);  // may decode to other values
        if (!checked) CHECK(checked.error().message.find('\n') == std::string::npos);
      }
    }
  }

  TEST_CASE("a rollout of 60 tokens takes about a kilobyte, the same one whenever it is encoded") {
    const std::string bytes = encode(sample_transcript(60));
    CHECK(bytes.size() <= 1024);
    CHECK(encode(sample_transcript(60)) == bytes);
    CHECK(decode<Transcript>(kind_key(RecordKind::transcript), bytes));
  }
}

}  // namespace flywheel
