// Reading records by key or by prefix, decoded: what all stores of this folder do.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "storage/key_value_store.hpp"
#include "storage/record_format.hpp"

namespace flywheel {

// not_found names the record in words.
template <class Record>
Result<Record> read_record(const KeyValueReader& store, const std::string& key) {
  auto value = store.get(key);
  if (!value && value.error().failure == Failure::not_found)
    return fail(Failure::not_found, describe_key(key) + " is not stored");
  if (!value) return fail(std::move(value.error()));
  return decode<Record>(key, *value);
}

inline Result<bool> has_record(const KeyValueReader& store, const std::string& key) {
  auto value = store.get(key);
  if (value) return true;
  if (value.error().failure == Failure::not_found) return false;
  return fail(std::move(value.error()));
}

// Visits every record under `prefix`; `take(key, record)` returns Result<bool>: false stops.
template <class Record, class Take>
Result<> visit_records(const KeyValueReader& store, const std::string& prefix, const Take& take,
                       std::string_view from = {}) {
  std::optional<Error> refusal;
  const auto visit = [&](std::string_view key, std::string_view value) {
    auto record = decode<Record>(key, value);
    Result<bool> taken = record ? take(key, std::move(*record)) : fail(std::move(record.error()));
    if (!taken) refusal = std::move(taken.error());
    return taken && *taken;
  };
  FLYWHEEL_TRY_VOID(store.scan(prefix, visit, from));
  if (refusal) return fail(std::move(*refusal));
  return {};
}

template <class Record>
Result<std::vector<Record>> read_records(const KeyValueReader& store, const std::string& prefix,
                                         std::string_view from = {}) {
  std::vector<Record> records;
  const auto take = [&](std::string_view, Record record) -> Result<bool> {
    records.push_back(std::move(record));
    return true;
  };
  FLYWHEEL_TRY_VOID(visit_records<Record>(store, prefix, take, from));
  return records;
}

}  // namespace flywheel
