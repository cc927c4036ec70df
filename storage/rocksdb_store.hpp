// RocksdbStore is the KeyValueStore on disk; rocksdb_store.cpp is the only file that sees RocksDB.
//
// Guarantees: memory is bounded by the configuration; the write-ahead log is fsynced before a
// synced
//             write returns; damage is refused (corrupt), never skipped, but for a torn record at
//             the log's very end, which was never acknowledged as synced.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "storage/key_value_store.hpp"

namespace flywheel {

struct RocksdbConfig {
  std::string folder{};
  std::uint64_t block_cache_bytes = 64ULL << 20;
  std::uint64_t write_buffer_bytes = 16ULL << 20;  // of one memtable; at most three are held
  bool create_if_missing = true;
};

// One line naming the folder and what to do: corrupt, unavailable (another process has it open),
// resource_exhausted (disk full), not_found.
Result<std::unique_ptr<KeyValueStore>> open_rocksdb_store(const RocksdbConfig& config);

}  // namespace flywheel
