// The ledger's bench at a small size: figures that can be, beside limits that can be.
#include "storage/ledger_bench.hpp"

#include <doctest/doctest.h>

#include "tests/unit/storage/temporary_folder.hpp"

namespace flywheel {

TEST_SUITE("storage/ledger_bench") {
  TEST_CASE("measures records and commits beside the machine's own limits and cleans up") {
    TemporaryFolder folder;
    const auto bench_folder = folder.path() / "bench";

    const auto report = run_ledger_bench(
        {.folder = bench_folder, .batch_size = 16, .record_count = 400, .commit_count = 20});

    REQUIRE(report);
    CHECK(report->record_bytes >= 1'024);
    CHECK(report->record_bytes < 1'100);
    CHECK(report->records_per_second > 0.0);
    CHECK(report->raw_records_per_second > 0.0);
    CHECK(report->commit_p99_ms >= report->commit_p50_ms);
    CHECK(report->fsyncs_per_second > 0.0);
    CHECK(!std::filesystem::exists(bench_folder));
    MESSAGE("records/s " << report->records_per_second << ", raw " << report->raw_records_per_second
                         << ", commit p99 ms " << report->commit_p99_ms << ", fsync p99 ms "
                         << report->fsync_p99_ms);
  }

  TEST_CASE("refuses a folder that exists and a batch of nothing") {
    TemporaryFolder folder;

    CHECK(run_ledger_bench({.folder = folder.path()}).error().failure == Failure::already_exists);
    CHECK(run_ledger_bench({.folder = folder.path() / "x", .batch_size = 0}).error().failure ==
          Failure::invalid_argument);
    CHECK(std::filesystem::exists(folder.path()));
  }
}

}  // namespace flywheel
