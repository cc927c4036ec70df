// Snapshot files of a trainer: one line that says what it is, one line of JSON, then three float32
// buffers (master weights, first and second moments) as they lie in memory, little-endian.
//
//   flywheel trainer snapshot 1\n
//   {"config": {...}, "elements": n, "steps": s, "state_hash": "..."}\n
//   master[n] mean[n] variance[n]
#pragma once

#include <string>

#include "runtime/base/result.hpp"
#include "runtime/learning/optimizer.hpp"
#include "runtime/model/model_config.hpp"

namespace flywheel {

// Atomic: a temporary file beside it, fsync, rename, fsync of the folder. Returns the state's hash.
Result<Hash128> write_snapshot(const std::string& path, const ModelConfig& config,
                               const Optimizer& optimizer);

// Restores the optimiser, or leaves it as it was: refuses files that are absent (not_found),
// truncated, too long or of another hash (corrupt), of a newer format (too_new) or another model
// (invalid_input).
Result<> read_snapshot(const std::string& path, const ModelConfig& config, Optimizer& optimizer);

}  // namespace flywheel
