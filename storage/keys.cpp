#include "storage/keys.hpp"

#include <fmt/format.h>

namespace flywheel {
namespace {

constexpr std::size_t id_bytes = 16;
constexpr std::size_t number_bytes = 8;
constexpr std::size_t rollout_parent_bytes = 12;

void append_id(std::string& key, const AnyId& id) {
  const auto bytes = id.bytes();
  key.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

void append_number(std::string& key, std::uint64_t number) {
  for (unsigned shift = 64; shift > 0;) {
    shift -= 8;
    key.push_back(static_cast<char>(number >> shift & 0xff));
  }
}

}  // namespace

const char* to_string(RecordKind kind) {
  switch (kind) {
    case RecordKind::run:
      return "run";
    case RecordKind::rollout_plan:
      return "rollout plan";
    case RecordKind::rollout_progress:
      return "rollout progress";
    case RecordKind::transcript:
      return "transcript";
    case RecordKind::verdict:
      return "verdict";
    case RecordKind::step:
      return "step";
    case RecordKind::run_event:
      return "run event";
    case RecordKind::dataset_version:
      return "dataset version";
    case RecordKind::dataset_task:
      return "dataset task";
    case RecordKind::conversation:
      return "conversation";
    case RecordKind::conversation_turn:
      return "conversation turn";
    case RecordKind::vote:
      return "vote";
    case RecordKind::vote_on_conversation:
      return "vote on conversation";
    case RecordKind::checkpoint:
      return "checkpoint";
    case RecordKind::snapshot:
      return "snapshot";
    case RecordKind::metric_point:
      return "metric point";
    case RecordKind::metric_name:
      return "metric name";
    case RecordKind::edge_forward:
      return "edge forward";
    case RecordKind::edge_backward:
      return "edge backward";
    case RecordKind::container:
      return "container";
    case RecordKind::container_command:
      return "container command";
    case RecordKind::idempotency_key:
      return "idempotency key";
  }
  return "unknown";
}

std::string kind_key(RecordKind kind) {
  return std::string(1, static_cast<char>(kind));
}

std::string id_key(RecordKind kind, const AnyId& id) {
  std::string key = kind_key(kind);
  append_id(key, id);
  return key;
}

std::string number_key(RecordKind kind, const AnyId& id, std::uint64_t number) {
  std::string key = id_key(kind, id);
  append_number(key, number);
  return key;
}

std::string pair_key(RecordKind kind, const AnyId& first, const AnyId& second) {
  std::string key = id_key(kind, first);
  append_id(key, second);
  return key;
}

std::string rollouts_key(RecordKind kind, RunId run) {
  std::string key = id_key(kind, derive_id<RolloutId>(run, 0));
  key.resize(1 + rollout_parent_bytes);
  return key;
}

std::string metric_name_key(RecordKind kind, RunId run, std::string_view name) {
  std::string key = id_key(kind, run);
  key.append(name);
  key.push_back('\0');
  return key;
}

std::string metric_point_key(RunId run, std::string_view name, std::uint64_t step) {
  std::string key = metric_name_key(RecordKind::metric_point, run, name);
  append_number(key, step);
  return key;
}

RecordKind kind_of_key(std::string_view key) {
  return static_cast<RecordKind>(key.empty() ? 0 : key.front());
}

AnyId id_in_key(std::string_view key, std::size_t offset) {
  if (key.size() < 1 + offset + id_bytes) return {};
  return AnyId::from_bytes(reinterpret_cast<const unsigned char*>(key.data()) + 1 + offset);
}

std::uint64_t number_in_key(std::string_view key, std::size_t offset) {
  if (key.size() < 1 + offset + number_bytes) return 0;
  std::uint64_t number = 0;
  for (const char byte : key.substr(1 + offset, number_bytes))
    number = number << 8 | static_cast<unsigned char>(byte);
  return number;
}

std::string describe_key(std::string_view key) {
  const RecordKind kind = kind_of_key(key);
  std::string text = fmt::format("{} record", to_string(kind));
  if (key.size() >= 1 + id_bytes) text += " of " + to_string(id_in_key(key));
  switch (kind) {
    case RecordKind::step:
    case RecordKind::run_event:
    case RecordKind::dataset_task:
    case RecordKind::conversation_turn:
    case RecordKind::snapshot:
    case RecordKind::container_command:
      text += fmt::format(", number {}", number_in_key(key, id_bytes));
      break;
    case RecordKind::metric_name:
    case RecordKind::metric_point: {
      const auto name = key.size() > 1 + id_bytes ? key.substr(1 + id_bytes) : std::string_view{};
      text += fmt::format(", metric '{}'", name.substr(0, name.find('\0')));
      break;
    }
    default:
      break;
  }
  return text;
}

std::string after_prefix(std::string_view prefix) {
  std::string next{prefix};
  while (!next.empty() && next.back() == '\xff') next.pop_back();
  if (!next.empty()) next.back() = static_cast<char>(next.back() + 1);
  return next;
}

}  // namespace flywheel
