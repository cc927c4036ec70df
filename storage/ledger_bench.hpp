// The figures of `flywheel bench ledger`, each beside the machine's own limit from the same run.
#pragma once

#include <cstdint>
#include <filesystem>

#include "runtime/base/result.hpp"

namespace flywheel {

struct LedgerBenchConfig {
  std::filesystem::path folder{};  // on the disk to measure; made and removed
  std::uint32_t batch_size = 64;   // finished rollouts in one synced write
  std::uint32_t record_count = 20'000;
  std::uint32_t commit_count = 200;  // step commits timed
};

struct LedgerBenchReport {
  std::uint32_t batch_size = 0;
  std::uint64_t record_bytes = 0;       // mean, on disk
  double records_per_second = 0.0;      // transcripts of 1 KiB finished through LedgerStore
  double raw_records_per_second = 0.0;  // the same keys and bytes straight into RocksDB, synced
  double commit_p50_ms = 0.0;
  double commit_p99_ms = 0.0;  // commit_step of batch_size rollouts
  double fsync_p99_ms = 0.0;   // write and fsync of as many bytes as a commit has
  double fsyncs_per_second = 0.0;
};

Result<LedgerBenchReport> run_ledger_bench(const LedgerBenchConfig& config);

}  // namespace flywheel
