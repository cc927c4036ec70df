#include "runtime/net/tokens.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <mutex>
#include <sstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/check.hpp"
#include "runtime/base/json.hpp"

namespace flywheel {

namespace {

constexpr std::string_view prefix = "flyw_";
constexpr int format_version = 1;
constexpr std::chrono::milliseconds look_period{500};  // how often the file is asked for a change

std::string hex(const unsigned char* bytes, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += fmt::format("{:02x}", bytes[i]);
  return text;
}

std::string random_hex(std::size_t byte_count) {
  std::vector<unsigned char> bytes(byte_count);
  FLYWHEEL_CHECK(RAND_bytes(bytes.data(), static_cast<int>(byte_count)) == 1);
  return hex(bytes.data(), byte_count);
}

std::string sha256(std::string_view text) {
  std::array<unsigned char, 32> digest{};
  FLYWHEEL_CHECK(
      EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr) == 1);
  return hex(digest.data(), digest.size());
}

std::int64_t seconds_of(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}
WallTime time_of(std::int64_t seconds) {
  return WallTime{} + std::chrono::seconds{seconds};
}

struct FileStamp {
  std::int64_t modified_ns = 0;
  std::uint64_t inode = 0;
  std::int64_t size_bytes = -1;  // -1 = no file

  bool operator==(const FileStamp&) const = default;
};

Result<FileStamp> stamp_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return FileStamp{};
    return fail(Failure::unavailable, "tokens " + path + ": " + std::strerror(errno));
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return fail(Failure::invalid_input,
                "tokens " + path + ": others may write this file; set its mode to 600");
  return FileStamp{status.st_mtim.tv_sec * 1'000'000'000LL + status.st_mtim.tv_nsec, status.st_ino,
                   status.st_size};
}

Result<TokenRecord> parse_record(const Json& json, const std::string& where) {
  TokenRecord record;
  FLYWHEEL_TRY(record.id, json_field<std::string>(json, "id", where));
  FLYWHEEL_TRY(record.secret_sha256, json_field<std::string>(json, "secret_sha256", where));
  FLYWHEEL_TRY(record.name, json_field<std::string>(json, "name", where));
  FLYWHEEL_TRY(const auto role, json_field<std::string>(json, "role", where));
  FLYWHEEL_TRY(record.role, parse_access_role(role));
  if (record.role == AccessRole::local || record.role == AccessRole::anonymous)
    return fail(Failure::invalid_input, where + ": a token can't have the role " + role);
  FLYWHEEL_TRY(const auto created, json_field<std::int64_t>(json, "created_at", where));
  FLYWHEEL_TRY(const auto expires, json_field<std::int64_t>(json, "expires_at", where));
  record.created_at = time_of(created);
  record.expires_at = time_of(expires);
  return record;
}

Result<std::vector<TokenRecord>> read_records(const std::string& path) {
  std::vector<TokenRecord> records;
  std::ifstream file{path};
  if (!file) return records;
  std::stringstream text;
  text << file.rdbuf();
  const std::string where = "tokens " + path;
  FLYWHEEL_TRY(const Json json, parse_json(text.str(), where));
  FLYWHEEL_TRY(const auto version, json_field<int>(json, "format", where));
  if (version > format_version)
    return fail(Failure::too_new, where + ": written by a newer version of Flywheel");
  FLYWHEEL_TRY(const auto list, json_field<std::vector<Json>>(json, "tokens", where));
  for (const Json& entry : list) {
    FLYWHEEL_TRY(TokenRecord record, parse_record(entry, where));
    records.push_back(std::move(record));
  }
  return records;
}

Result<> write_records(const std::string& path, const std::vector<TokenRecord>& records) {
  Json list = Json::array();
  for (const TokenRecord& record : records)
    list.push_back({{"id", record.id},
                    {"secret_sha256", record.secret_sha256},
                    {"name", record.name},
                    {"role", to_string(record.role)},
                    {"created_at", seconds_of(record.created_at)},
                    {"expires_at", seconds_of(record.expires_at)}});
  const std::string text = dump_json({{"format", format_version}, {"tokens", list}}, 1) + "\n";
  const std::string fresh = path + ".new";
  const int file = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  bool is_written = file >= 0 && ::fchmod(file, 0600) == 0 &&
                    ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                    ::fsync(file) == 0;
  if (file >= 0) is_written = ::close(file) == 0 && is_written;
  if (!is_written || ::rename(fresh.c_str(), path.c_str()) != 0)
    return fail(Failure::unavailable,
                "tokens " + path + ": can't be written: " + std::strerror(errno));
  return {};
}

tl::unexpected<Error> denied(const char* why) {
  return fail(Failure::permission_denied, why);
}

}  // namespace

struct TokenStore::Inner {
  Inner(std::string file, const Clock& time) : path(std::move(file)), clock(time) {}

  Result<> reload() {  // with the mutex held
    FLYWHEEL_TRY(const FileStamp found, stamp_of(path));
    if (found == stamp) return {};
    FLYWHEEL_TRY(records, read_records(path));
    stamp = found;
    return {};
  }

  // Reads the newest file, changes it, writes it back; one process at a time.
  template <class Change>
  Result<> change(Change change_records) {
    const std::lock_guard guard{mutex};
    const int lock = ::open((path + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0 || ::flock(lock, LOCK_EX) != 0) {
      if (lock >= 0) ::close(lock);
      return fail(Failure::unavailable,
                  "tokens " + path + ": can't be locked: " + std::strerror(errno));
    }
    Result<> result = reload();
    auto changed = records;
    if (result) result = change_records(changed);
    if (result) result = write_records(path, changed);
    if (result) result = reload();
    ::close(lock);
    return result;
  }

  const std::string path;
  const Clock& clock;
  std::mutex mutex;
  FileStamp stamp;
  std::vector<TokenRecord> records;
  SteadyTime looked_at{};
};

TokenStore::TokenStore(std::unique_ptr<Inner> inner) : inner_(std::move(inner)) {}
TokenStore::~TokenStore() = default;

Result<std::shared_ptr<TokenStore>> TokenStore::open(std::string path, const Clock& clock) {
  auto inner = std::make_unique<Inner>(std::move(path), clock);
  FLYWHEEL_TRY_VOID(inner->reload());
  return std::shared_ptr<TokenStore>{new TokenStore{std::move(inner)}};
}

Result<std::string> TokenStore::add(const std::string& name, AccessRole role,
                                    std::chrono::seconds lifetime) {
  if (name.empty() || name == "local" || name == "loopback")
    return fail(Failure::invalid_argument,
                "token: '" + name + "' can't be a name; say who the token is for");
  if (role == AccessRole::anonymous || role == AccessRole::local)
    return fail(Failure::invalid_argument,
                std::string{"token: the role "} + to_string(role) +
                    " can't be given; use tester, annotator, researcher or operator");
  if (lifetime.count() < 0)
    return fail(Failure::invalid_argument, "token: the lifetime must be 0 (for ever) or more");
  const std::string secret = random_hex(32);
  const WallTime now = inner_->clock.now();
  const TokenRecord record{.id = random_hex(5),
                           .secret_sha256 = sha256(secret),
                           .name = name,
                           .role = role,
                           .created_at = now,
                           .expires_at = lifetime.count() == 0 ? WallTime{} : now + lifetime};
  FLYWHEEL_TRY_VOID(inner_->change([&](std::vector<TokenRecord>& records) {
    records.push_back(record);
    return Result<>{};
  }));
  return std::string{prefix} + record.id + "_" + secret;
}

Result<> TokenStore::revoke(std::string_view id) {
  return inner_->change([&](std::vector<TokenRecord>& records) -> Result<> {
    if (std::erase_if(records, [&](const TokenRecord& record) { return record.id == id; }) == 0)
      return fail(Failure::not_found, "token: there is none with the id '" + std::string{id} + "'");
    return {};
  });
}

std::vector<TokenRecord> TokenStore::list() const {
  const std::lock_guard guard{inner_->mutex};
  return inner_->records;
}

Result<Principal> TokenStore::authenticate(std::string_view token) const {
  const std::size_t id_end = token.find('_', prefix.size());
  if (!token.starts_with(prefix) || id_end == std::string_view::npos || token.size() > 256)
    return denied("the token is not one of this server's: they begin with 'flyw_'");
  const std::string_view id = token.substr(prefix.size(), id_end - prefix.size());
  const std::string hashed = sha256(token.substr(id_end + 1));

  const std::lock_guard guard{inner_->mutex};
  const SteadyTime now = std::chrono::steady_clock::now();
  if (now - inner_->looked_at >= look_period) {
    // What can't be read any more must not let in whoever was revoked in it.
    if (!inner_->reload()) return denied("the server's token file can't be read");
    inner_->looked_at = now;
  }
  const auto record = std::find_if(inner_->records.begin(), inner_->records.end(),
                                   [&](const TokenRecord& entry) { return entry.id == id; });
  const std::string absent(hashed.size(), '0');
  const std::string& expected = record == inner_->records.end() ? absent : record->secret_sha256;
  const bool is_equal = expected.size() == hashed.size() &&
                        CRYPTO_memcmp(expected.data(), hashed.data(), hashed.size()) == 0;
  if (record == inner_->records.end() || !is_equal)
    return denied("the token is not known here, or was revoked");
  if (record->expires_at != WallTime{} && inner_->clock.now() >= record->expires_at)
    return denied("the token has expired");
  return Principal{record->name, record->role};
}

}  // namespace flywheel
