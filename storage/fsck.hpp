// fsck checks every invariant over what is stored, changes nothing, and says what it found.
//
// Checked: every record decodes; a rollout's records fit its state; indices are planned without
// gaps
//          (nothing lost); each rollout is consumed at most once, by a step that lists it; every
//          step's rollouts are there; leases are only for the next step; files match their hashes;
//          lineage stands in both directions; no id dangles.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "storage/key_value_store.hpp"
#include "storage/ledger_store.hpp"

namespace flywheel {

struct FsckOptions {
  bool verify_files = true;          // read every snapshot and checkpoint file and compare its hash
  std::size_t findings_max = 1'000;  // more are counted, not listed
};

struct FsckReport {
  std::vector<std::string> findings{};  // one line each; empty = clean
  std::uint64_t finding_count = 0;
  std::uint64_t record_count = 0;
  std::uint64_t run_count = 0;
  StateCounts rollouts{};         // by state, over all runs
  std::uint64_t lost_count = 0;   // indices that were never planned or whose record is gone
  std::uint64_t twice_count = 0;  // rollouts that more than one step lists

  bool is_clean() const { return finding_count == 0; }
};

// `home`: where the files are; empty = files are not looked at. An error only where the store can't
// be read at all.
Result<FsckReport> check_store(const KeyValueReader& store, const std::filesystem::path& home,
                               const FsckOptions& options = {});

}  // namespace flywheel
