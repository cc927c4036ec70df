// The seal of a database that was closed in order: what its head and its log must hash to.
//
// RocksDB takes a head (MANIFEST) or a log that ends early for the work of a crash and goes on with
// less. After an orderly close nothing may end early: the seal beside the folder (`db.seal`) tells
// the two apart, so that a file which was cut short, or restored from another day, is refused.
#pragma once

#include <filesystem>

#include "runtime/base/result.hpp"

namespace flywheel {

// Describes CURRENT, MANIFEST-* and *.log of a closed database.
Result<> write_seal(const std::filesystem::path& folder);

// corrupt, naming the file, where one differs from the seal. No seal, no check: the last owner
// died.
Result<> check_seal(const std::filesystem::path& folder);

// While the database is open its files change: the seal is broken for that time, given back when
// the opening was refused, and removed when it went well. An error where it can't be broken for
// good: one that came back after a crash would have a healthy database refused.
Result<> break_seal(const std::filesystem::path& folder);
void restore_seal(const std::filesystem::path& folder);
void remove_broken_seal(const std::filesystem::path& folder);

}  // namespace flywheel
