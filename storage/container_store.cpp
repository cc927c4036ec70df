#include "storage/container_store.hpp"

#include <exception>
#include <utility>

#include "storage/keys.hpp"
#include "storage/record_envelope.hpp"

namespace flywheel {
namespace {

constexpr std::size_t id_bytes = 16;

std::string encode(const ContainerRecord& record) {
  return seal_record(RecordKind::container, 1,
                     {{"id", id_to_json(record.id)},
                      {"name", record.name},
                      {"owner", record.owner},
                      {"state", to_string(record.state)},
                      {"reason", record.reason},
                      {"message", record.message},
                      {"exit_code", record.exit_code},
                      {"signal", record.signal},
                      {"created_ms", record.created_ms},
                      {"active_ms", record.active_ms},
                      {"ended_ms", record.ended_ms},
                      {"expires_ms", record.expires_ms},
                      {"idle_ms", record.idle_ms},
                      {"spec", record.spec}});
}

void read(const Json& json, ContainerRecord& record) {
  record.id = ContainerId{id_from_json(json.at("id"))};
  record.name = json.at("name").get<std::string>();
  record.owner = json.at("owner").get<std::string>();
  const auto state = parse_container_state(json.at("state").get<std::string>());
  if (!state) throw FormatError(state.error().message);
  record.state = *state;
  record.reason = json.at("reason").get<std::string>();
  record.message = json.at("message").get<std::string>();
  record.exit_code = json.at("exit_code").get<std::int32_t>();
  record.signal = json.at("signal").get<std::int32_t>();
  record.created_ms = json.at("created_ms").get<std::uint64_t>();
  record.active_ms = json.at("active_ms").get<std::uint64_t>();
  record.ended_ms = json.at("ended_ms").get<std::uint64_t>();
  record.expires_ms = json.at("expires_ms").get<std::uint64_t>();
  record.idle_ms = json.at("idle_ms").get<std::uint64_t>();
  record.spec = json.at("spec");
}

std::string encode(const CommandRecord& command) {
  return seal_record(RecordKind::container_command, 1,
                     {{"started_ms", command.started_ms},
                      {"kind", command.kind},
                      {"request", command.request},
                      {"result", command.result}});
}

void read(const Json& json, CommandRecord& command) {
  command.started_ms = json.at("started_ms").get<std::uint64_t>();
  command.kind = json.at("kind").get<std::string>();
  command.request = json.at("request");
  command.result = json.at("result");
}

std::string encode(const IdempotencyRecord& record) {
  return seal_record(RecordKind::idempotency_key, 1,
                     {{"request", hash_to_json(record.request)},
                      {"created_ms", record.created_ms},
                      {"containers", ids_to_json(record.containers)}});
}

void read(const Json& json, IdempotencyRecord& record) {
  record.request = hash_from_json(json.at("request"));
  record.created_ms = json.at("created_ms").get<std::uint64_t>();
  record.containers = typed_ids_from_json<ContainerId>(json.at("containers"));
}

template <class Record>
Result<Record> decode(std::string_view key, std::string_view value) {
  FLYWHEEL_TRY(const OpenedRecord opened, open_record(key, value, 1));
  try {
    Record record;
    read(opened.body, record);
    return record;
  } catch (const std::exception& error) {
    return fail(Failure::corrupt, describe_key(key) + ": " + error.what());
  }
}

template <class Record>
Result<Record> stored(const KeyValueReader& store, const std::string& key, std::string what) {
  auto value = store.get(key);
  if (!value && value.error().failure == Failure::not_found)
    return fail(Failure::not_found, std::move(what));
  if (!value) return fail(std::move(value.error()));
  return decode<Record>(key, *value);
}

// Keys may hold any bytes and have any length: their hash stands for them, an owner's apart.
std::string idempotency_key(std::string_view owner, std::string_view key) {
  const Hash128 hash = combine(hash_text(owner), hash_text(key));
  return id_key(RecordKind::idempotency_key, AnyId{hash.high, hash.low});
}

}  // namespace

void ContainerStore::put(WriteBatch& batch, const ContainerRecord& record) {
  batch.put(id_key(RecordKind::container, record.id), encode(record));
}

void ContainerStore::put_command(WriteBatch& batch, ContainerId id, std::uint64_t number,
                                 const CommandRecord& command) {
  batch.put(number_key(RecordKind::container_command, id, number), encode(command));
}

void ContainerStore::put_idempotency(WriteBatch& batch, std::string_view owner,
                                     std::string_view key, const IdempotencyRecord& record) {
  batch.put(idempotency_key(owner, key), encode(record));
}

Result<ContainerRecord> ContainerStore::container(ContainerId id) const {
  return stored<ContainerRecord>(store_, id_key(RecordKind::container, id),
                                 "there is no container " + to_string(id));
}

Result<> ContainerStore::visit(const std::function<bool(ContainerRecord)>& take) const {
  Result<> outcome;
  const auto each = [&](std::string_view key, std::string_view value) {
    auto record = decode<ContainerRecord>(key, value);
    if (!record) {
      outcome = fail(std::move(record.error()));
      return false;
    }
    return take(std::move(*record));
  };
  FLYWHEEL_TRY_VOID(store_.scan(kind_key(RecordKind::container), each));
  return outcome;
}

Result<std::vector<CommandRecord>> ContainerStore::commands(ContainerId id, std::uint64_t from,
                                                            std::size_t count_max) const {
  std::vector<CommandRecord> commands;
  if (count_max == 0) return commands;
  FLYWHEEL_TRY_VOID(
      visit_commands(id, from, [&](std::uint64_t, std::size_t, CommandRecord command) {
        commands.push_back(std::move(command));
        return commands.size() < count_max;
      }));
  return commands;
}

Result<> ContainerStore::visit_commands(ContainerId id, std::uint64_t from,
                                        const CommandVisitor& take) const {
  Result<> outcome;
  const auto each = [&](std::string_view key, std::string_view value) {
    auto command = decode<CommandRecord>(key, value);
    if (!command) {
      outcome = fail(std::move(command.error()));
      return false;
    }
    return take(number_in_key(key, id_bytes), key.size() + value.size(), std::move(*command));
  };
  FLYWHEEL_TRY_VOID(store_.scan(id_key(RecordKind::container_command, id), each,
                                number_key(RecordKind::container_command, id, from)));
  return outcome;
}

Result<std::uint64_t> ContainerStore::command_count(ContainerId id) const {
  std::uint64_t count = 0;
  FLYWHEEL_TRY_VOID(visit_command_numbers(id, [&count](std::uint64_t number) {
    count = number + 1;
    return true;
  }));
  return count;
}

Result<> ContainerStore::visit_command_numbers(
    ContainerId id, const std::function<bool(std::uint64_t)>& take) const {
  return store_.scan(id_key(RecordKind::container_command, id),
                     [&take](std::string_view key, std::string_view) {
                       return take(number_in_key(key, id_bytes));
                     });
}

Result<IdempotencyRecord> ContainerStore::idempotency(std::string_view owner,
                                                      std::string_view key) const {
  return stored<IdempotencyRecord>(store_, idempotency_key(owner, key),
                                   "this idempotency key was not used yet");
}

Result<> ContainerStore::forget(WriteBatch& batch, ContainerId id) const {
  batch.erase(id_key(RecordKind::container, id));
  return store_.scan(id_key(RecordKind::container_command, id),
                     [&batch](std::string_view key, std::string_view) {
                       batch.erase(std::string{key});
                       return true;
                     });
}

Result<> ContainerStore::forget_idempotency(WriteBatch& batch, std::uint64_t before_ms,
                                            std::size_t count_max) const {
  std::size_t count = 0;
  return store_.scan(kind_key(RecordKind::idempotency_key),
                     [&](std::string_view key, std::string_view value) {
                       const auto record = decode<IdempotencyRecord>(key, value);
                       if (!record || record->created_ms >= before_ms) return true;
                       batch.erase(std::string{key});
                       return ++count < count_max;
                     });
}

Result<> check_container_record(std::string_view key, std::string_view value) {
  const auto outcome = [](const auto& record) -> Result<> {
    if (!record) return fail(record.error());
    return {};
  };
  switch (kind_of_key(key)) {
    case RecordKind::container:
      return outcome(decode<ContainerRecord>(key, value));
    case RecordKind::container_command:
      return outcome(decode<CommandRecord>(key, value));
    default:
      return outcome(decode<IdempotencyRecord>(key, value));
  }
}

}  // namespace flywheel
