#include "storage/rocksdb_store.hpp"

#include <algorithm>
#include <filesystem>

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/table.h>

#include "runtime/base/log.hpp"
#include "storage/database_seal.hpp"
#include "storage/keys.hpp"

namespace flywheel {
namespace {

std::string one_line(const rocksdb::Status& status) {
  std::string text = status.ToString();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

Error error_of(const rocksdb::Status& status, const std::string& folder) {
  if (status.IsNotFound()) return {Failure::not_found, "the key is not stored in " + folder};
  if (status.IsNoSpace())
    return {Failure::resource_exhausted,
            "the disk of " + folder + " is full: free some space; nothing stored is lost"};
  if (status.IsCorruption())
    return {Failure::corrupt,
            "the database in " + folder + " is damaged (" + one_line(status) +
                "): restore the folder from a copy; what is readable is untouched"};
  return {Failure::unavailable,
          "the database in " + folder + " can't be used: " + one_line(status)};
}

Result<> to_result(const rocksdb::Status& status, const std::string& folder) {
  if (status.ok()) return {};
  return fail(error_of(status, folder));
}

rocksdb::Slice slice_of(std::string_view bytes) {
  return {bytes.data(), bytes.size()};
}
std::string_view view_of(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

Result<std::string> get_from(rocksdb::DB& db, const rocksdb::ReadOptions& options,
                             std::string_view key, const std::string& folder) {
  std::string value;
  const auto status = db.Get(options, slice_of(key), &value);
  if (!status.ok()) return fail(error_of(status, folder));
  return value;
}

Result<> scan_in(rocksdb::DB& db, rocksdb::ReadOptions options, std::string_view prefix,
                 const KeyValueVisitor& visit, std::string_view from, const std::string& folder) {
  const std::string end = after_prefix(prefix);
  const rocksdb::Slice bound = slice_of(end);
  if (!end.empty()) options.iterate_upper_bound = &bound;
  const std::unique_ptr<rocksdb::Iterator> at{db.NewIterator(options)};
  for (at->Seek(slice_of(std::max(prefix, from))); at->Valid(); at->Next())
    if (!visit(view_of(at->key()), view_of(at->value()))) break;
  return to_result(at->status(), folder);
}

class RocksdbSnapshot final : public KeyValueReader {
 public:
  RocksdbSnapshot(rocksdb::DB& db, std::string folder) : db_(db), folder_(std::move(folder)) {
    options_.snapshot = db_.GetSnapshot();
  }
  ~RocksdbSnapshot() override { db_.ReleaseSnapshot(options_.snapshot); }
  RocksdbSnapshot(const RocksdbSnapshot&) = delete;
  RocksdbSnapshot& operator=(const RocksdbSnapshot&) = delete;

  Result<std::string> get(std::string_view key) const override {
    return get_from(db_, options_, key, folder_);
  }
  Result<> scan(std::string_view prefix, const KeyValueVisitor& visit,
                std::string_view from) const override {
    return scan_in(db_, options_, prefix, visit, from, folder_);
  }

 private:
  rocksdb::DB& db_;
  std::string folder_;
  rocksdb::ReadOptions options_;
};

class RocksdbStore final : public KeyValueStore {
 public:
  RocksdbStore(std::unique_ptr<rocksdb::DB> db, std::string folder)
      : db_(std::move(db)), folder_(std::move(folder)) {}

  ~RocksdbStore() override {
    // Buffered writes of a process that ends in order are not left to chance.
    auto status = db_->SyncWAL();
    if (status.ok()) status = db_->Close();
    db_.reset();
    const auto closed =
        status.ok() ? write_seal(folder_) : Result<>{fail(error_of(status, folder_))};
    if (!closed) log_warning("closing {}: {}", folder_, closed.error().message);
  }
  RocksdbStore(const RocksdbStore&) = delete;
  RocksdbStore& operator=(const RocksdbStore&) = delete;

  Result<std::string> get(std::string_view key) const override {
    return get_from(*db_, {}, key, folder_);
  }

  Result<> scan(std::string_view prefix, const KeyValueVisitor& visit,
                std::string_view from) const override {
    return scan_in(*db_, {}, prefix, visit, from, folder_);
  }

  Result<> write(const WriteBatch& batch, Durability durability) override {
    rocksdb::WriteBatch bytes;
    for (const auto& operation : batch.operations()) {
      const auto status = operation.is_put ? bytes.Put(operation.key, operation.value)
                                           : bytes.Delete(operation.key);
      FLYWHEEL_TRY_VOID(to_result(status, folder_));
    }
    rocksdb::WriteOptions options;
    options.sync = durability == Durability::synced;
    return to_result(db_->Write(options, &bytes), folder_);
  }

  std::unique_ptr<KeyValueReader> snapshot() const override {
    return std::make_unique<RocksdbSnapshot>(*db_, folder_);
  }

 private:
  std::unique_ptr<rocksdb::DB> db_;
  std::string folder_;
};

rocksdb::Options options_of(const RocksdbConfig& config) {
  rocksdb::Options options;
  options.create_if_missing = config.create_if_missing;
  options.paranoid_checks = true;
  // A torn last record was never acknowledged; any other damage to the log would be a loss that
  // must not pass unseen.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.track_and_verify_wals_in_manifest = true;
  options.write_buffer_size = config.write_buffer_bytes;
  options.max_write_buffer_number = 3;
  options.max_total_wal_size = 4 * config.write_buffer_bytes;
  options.max_open_files = 256;
  options.max_background_jobs = 2;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  options.keep_log_file_num = 2;
  options.max_log_file_size = 1 << 20;
  const auto supported = rocksdb::GetSupportedCompressions();
  if (std::find(supported.begin(), supported.end(), rocksdb::kLZ4Compression) != supported.end())
    options.compression = rocksdb::kLZ4Compression;

  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(config.block_cache_bytes);
  table.cache_index_and_filter_blocks = true;
  table.format_version = 5;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

// RocksDB makes a new database where CURRENT is missing, whatever else lies there: that would bury
// what is stored.
bool has_lost_its_head(const std::filesystem::path& folder) {
  std::error_code code;
  const auto size = std::filesystem::file_size(folder / "CURRENT", code);
  if (!code && size > 0) return false;
  for (const auto& entry : std::filesystem::directory_iterator{folder, code}) {
    const auto name = entry.path().filename().string();
    if (name.starts_with("MANIFEST-") || name.ends_with(".sst") || name.ends_with(".log"))
      return true;
  }
  return false;
}

}  // namespace

Result<std::unique_ptr<KeyValueStore>> open_rocksdb_store(const RocksdbConfig& config) {
  if (has_lost_its_head(config.folder))
    return fail(Failure::corrupt, "the database in " + config.folder +
                                      " has no CURRENT file: restore the folder from a copy; "
                                      "what is there is untouched");
  FLYWHEEL_TRY_VOID(check_seal(config.folder));
  FLYWHEEL_TRY_VOID(break_seal(config.folder));
  rocksdb::DB* db = nullptr;
  const auto status = rocksdb::DB::Open(options_of(config), config.folder, &db);
  if (!status.ok()) {
    Error error = error_of(status, config.folder);
    if (status.IsInvalidArgument())
      error.failure = config.create_if_missing ? Failure::corrupt : Failure::not_found;
    // A database that names files which are gone, by RocksDB's own account an I/O error.
    if (status.IsPathNotFound() || status.IsNotFound()) error.failure = Failure::corrupt;
    if (error.failure == Failure::corrupt) restore_seal(config.folder);
    return fail(std::move(error));
  }
  remove_broken_seal(config.folder);
  return std::make_unique<RocksdbStore>(std::unique_ptr<rocksdb::DB>{db}, config.folder);
}

}  // namespace flywheel
