#include "storage/record_envelope.hpp"

#include <bit>
#include <cstring>

#include <fmt/format.h>

namespace flywheel {
namespace {

static_assert(std::endian::native == std::endian::little, "token arrays are stored as they lie");

constexpr std::size_t envelope_bytes = 2;
constexpr std::size_t id_bytes = 16;

template <class Word>
Json words_blob(const std::vector<Word>& words) {
  std::vector<std::uint8_t> bytes(words.size() * sizeof(Word));
  if (!words.empty()) std::memcpy(bytes.data(), words.data(), bytes.size());
  return Json::binary(std::move(bytes));
}

template <class Word>
std::vector<Word> words_of(const Json& json) {
  const auto& bytes = json.get_binary();
  if (bytes.size() % sizeof(Word) != 0) throw FormatError("an array of odd length");
  std::vector<Word> words(bytes.size() / sizeof(Word));
  if (!words.empty()) std::memcpy(words.data(), bytes.data(), bytes.size());
  return words;
}

Result<std::uint8_t> check_envelope(std::string_view key, std::string_view value,
                                    std::uint8_t version_max) {
  if (value.size() < envelope_bytes || value[0] != key[0])
    return fail(Failure::corrupt, describe_key(key) +
                                      " is damaged: not a record of its kind; run "
                                      "flywheel fsck");
  const auto version = static_cast<std::uint8_t>(value[1]);
  if (version > version_max)
    return fail(Failure::too_new,
                fmt::format("{} has format version {}, this program reads up to {}: use the newer "
                            "flywheel that wrote it",
                            describe_key(key), version, version_max));
  if (version < first_format_version)
    return fail(Failure::corrupt, describe_key(key) + " is damaged: it has no format version");
  return version;
}

}  // namespace

std::string seal_record(RecordKind kind, std::uint8_t version, const Json& body) {
  std::string bytes{static_cast<char>(kind), static_cast<char>(version)};
  Json::to_cbor(body, bytes);
  return bytes;
}

std::string seal_mark(RecordKind kind) {
  return {static_cast<char>(kind), static_cast<char>(first_format_version)};
}

Result<OpenedRecord> open_record(std::string_view key, std::string_view value,
                                 std::uint8_t version_max) {
  FLYWHEEL_TRY(const std::uint8_t version, check_envelope(key, value, version_max));
  const auto body = value.substr(envelope_bytes);
  OpenedRecord record{version, Json::from_cbor(body.begin(), body.end(), true, false)};
  if (!record.body.is_object())
    return fail(Failure::corrupt,
                describe_key(key) + " is damaged: its bytes are not CBOR; run flywheel fsck");
  return record;
}

Result<> check_mark(std::string_view key, std::string_view value) {
  FLYWHEEL_TRY_VOID(check_envelope(key, value, first_format_version));
  if (value.size() != envelope_bytes)
    return fail(Failure::corrupt, describe_key(key) + " is damaged: it should be empty");
  return {};
}

Json id_to_json(const AnyId& id) {
  const auto bytes = id.bytes();
  return Json::binary({bytes.begin(), bytes.end()});
}

AnyId id_from_json(const Json& json) {
  const auto& bytes = json.get_binary();
  if (bytes.size() != id_bytes) throw FormatError("an id that is not 16 bytes");
  return AnyId::from_bytes(bytes.data());
}

// A hash has the shape of an id: two words, big-endian.
Json hash_to_json(Hash128 hash) {
  return id_to_json(AnyId{hash.high, hash.low});
}

Hash128 hash_from_json(const Json& json) {
  const AnyId words = id_from_json(json);
  return {words.high, words.low};
}

Json words_to_json(const std::vector<std::int32_t>& words) {
  return words_blob(words);
}
Json words_to_json(const std::vector<float>& words) {
  return words_blob(words);
}
std::vector<std::int32_t> tokens_from_json(const Json& json) {
  return words_of<std::int32_t>(json);
}
std::vector<float> floats_from_json(const Json& json) {
  return words_of<float>(json);
}

Json any_ids_to_json(const std::vector<AnyId>& ids) {
  std::vector<std::uint8_t> bytes;
  bytes.reserve(ids.size() * id_bytes);
  for (const AnyId& id : ids) {
    const auto sixteen = id.bytes();
    bytes.insert(bytes.end(), sixteen.begin(), sixteen.end());
  }
  return Json::binary(std::move(bytes));
}

std::vector<AnyId> ids_from_json(const Json& json) {
  const auto& bytes = json.get_binary();
  if (bytes.size() % id_bytes != 0) throw FormatError("ids that are not 16 bytes each");
  std::vector<AnyId> ids;
  ids.reserve(bytes.size() / id_bytes);
  for (std::size_t at = 0; at < bytes.size(); at += id_bytes)
    ids.push_back(AnyId::from_bytes(bytes.data() + at));
  return ids;
}

Json hashes_to_json(const std::map<std::string, Hash128>& hashes) {
  Json json = Json::object();
  for (const auto& [name, hash] : hashes) json[name] = hash_to_json(hash);
  return json;
}

std::map<std::string, Hash128> hashes_from_json(const Json& json) {
  std::map<std::string, Hash128> hashes;
  for (const auto& [name, hash] : json.items()) hashes[name] = hash_from_json(hash);
  return hashes;
}

Json double_to_json(double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  std::vector<std::uint8_t> bytes(8);
  for (unsigned i = 0; i < 8; ++i) bytes[i] = static_cast<std::uint8_t>(bits >> (8 * i));
  return Json::binary(std::move(bytes));
}

double double_from_json(const Json& json) {
  const auto& bytes = json.get_binary();
  if (bytes.size() != 8) throw FormatError("a number that is not 8 bytes");
  std::uint64_t bits = 0;
  for (unsigned i = 0; i < 8; ++i) bits |= static_cast<std::uint64_t>(bytes[i]) << (8 * i);
  return std::bit_cast<double>(bits);
}

Json bytes_to_json(const std::string& bytes) {
  return Json::binary({bytes.begin(), bytes.end()});
}

std::string bytes_from_json(const Json& json) {
  const auto& bytes = json.get_binary();
  return {bytes.begin(), bytes.end()};
}

}  // namespace flywheel
