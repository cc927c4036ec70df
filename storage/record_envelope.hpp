// What every record's bytes have in common: kind, format version, then a CBOR object.
//
//   byte 0: RecordKind   byte 1: format version of that kind   the rest: CBOR, or nothing
//
// Ids and hashes are 16 bytes, tokens and log-probabilities little-endian arrays of 4-byte words,
// all as CBOR byte strings: every bit of a float survives.
#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/hash.hpp"
#include "runtime/base/json.hpp"
#include "storage/keys.hpp"

namespace flywheel {

inline constexpr std::uint8_t first_format_version = 1;

// Thrown by readers of fields, caught by decode(): never leaves storage.
struct FormatError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct OpenedRecord {
  std::uint8_t version = first_format_version;
  Json body{};
};

std::string seal_record(RecordKind kind, std::uint8_t version, const Json& body);
std::string seal_mark(RecordKind kind);  // a record that says only that it is there

// too_new: its version is above `version_max`; corrupt: anything else that is not as it should be.
Result<OpenedRecord> open_record(std::string_view key, std::string_view value,
                                 std::uint8_t version_max);
Result<> check_mark(std::string_view key, std::string_view value);

Json id_to_json(const AnyId& id);
AnyId id_from_json(const Json& json);
Json hash_to_json(Hash128 hash);
Hash128 hash_from_json(const Json& json);
Json words_to_json(const std::vector<std::int32_t>& words);
Json words_to_json(const std::vector<float>& words);
std::vector<std::int32_t> tokens_from_json(const Json& json);
std::vector<float> floats_from_json(const Json& json);
Json any_ids_to_json(const std::vector<AnyId>& ids);
std::vector<AnyId> ids_from_json(const Json& json);

Json hashes_to_json(const std::map<std::string, Hash128>& hashes);
std::map<std::string, Hash128> hashes_from_json(const Json& json);
Json bytes_to_json(const std::string& bytes);
std::string bytes_from_json(const Json& json);

// A double as its 8 bytes: CBOR through nlohmann would fold the kinds of NaN into one.
Json double_to_json(double value);
double double_from_json(const Json& json);

template <class IdType>
Json ids_to_json(const std::vector<IdType>& ids) {
  return any_ids_to_json({ids.begin(), ids.end()});
}
template <class IdType>
std::vector<IdType> typed_ids_from_json(const Json& json) {
  std::vector<IdType> ids;
  for (const AnyId& id : ids_from_json(json)) ids.push_back(IdType{id});
  return ids;
}

template <class Enum>
Json enum_to_json(Enum value) {
  return static_cast<std::uint64_t>(value);
}
// `last` is the greatest enumerator that this version knows.
template <class Enum>
Enum enum_from_json(const Json& json, Enum last) {
  const auto number = json.get<std::uint64_t>();
  if (number > static_cast<std::uint64_t>(last)) throw FormatError("unknown enumerator");
  return static_cast<Enum>(number);
}

}  // namespace flywheel
