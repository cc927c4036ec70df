// The part of fsck that checks the ledger: every run, its rollouts and its steps.
#pragma once

#include <string>

#include "storage/fsck.hpp"

namespace flywheel {

// Collects findings, one line each; beyond the bound they are only counted.
struct FsckFindings {
  FsckReport& report;
  std::size_t findings_max = 0;

  void add(std::string line) {
    if (++report.finding_count <= findings_max) report.findings.push_back(std::move(line));
  }
  void add_if_failed(const Result<>& result) {
    if (!result) add(result.error().message);
  }
};

void check_ledger(const KeyValueReader& store, FsckFindings& findings);

}  // namespace flywheel
