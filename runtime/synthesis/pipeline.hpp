// A pipeline turns raw items into finished ones, stage by stage, and can say what became of each.
//
//   items ─▶ stage ─▶ stage ─▶ ... ─▶ finished items
//              │        │
//              └────────┴──▶ rejections: item, reason          every outcome ─▶ Journal
//
// A stage passes an item on (changed or not), splits it into several, or rejects it with a reason.
// Workers take the latest stage that has work, so that few items are under way at once.
//
// Guarantees: each outcome is in the journal before the next stage sees it; what is in the journal
//             is not worked out again; the result depends neither on the order in which workers
//             came nor on interruptions; an item whose stage breaks or throws is tried
//             `attempts_max` times, then counted as broken, and tried again by the next run.
// Threads:    run_pipeline waits for its own workers; stages are called by several at once.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "runtime/base/json.hpp"
#include "runtime/base/result.hpp"
#include "runtime/synthesis/journal.hpp"

namespace flywheel {

struct PipelineItem {
  std::string id{};     // unique among the items of a stage
  std::string group{};  // items of a batch share it, for example a repository
  Json data{};
};

struct Rejection {
  std::string id{};  // of the item, or of the part of it that was rejected
  std::string reason{};
  std::string detail{};
};

// What became of one item. Neither passed nor rejected: nothing came of it.
struct StageOutcome {
  std::vector<PipelineItem> passed{};
  std::vector<Rejection> rejected{};
};

struct Stage {
  std::string name{};
  std::uint32_t version = 1;   // grows when outcomes could change: older ones are worked out anew
  std::string unit = "items";  // what it takes, for example "functions"
  std::size_t batch_max = 1;   // items of one group that it takes at once
  // One outcome an item, in order; an Error where the stage itself broke.
  std::function<Result<std::vector<StageOutcome>>(std::span<const PipelineItem>)> run{};
  // What outcomes depend on besides version and item: options, scripts, tools. Outcomes under other
  // settings are neither found nor lost.
  std::string settings{};
};

// What a stage has done so far.
struct FunnelRow {
  std::string stage{};
  std::string unit{};
  std::uint64_t taken = 0;
  std::uint64_t passed = 0;
  std::uint64_t rejected = 0;
  std::uint64_t broken = 0;
  std::uint64_t remembered = 0;  // of taken: found in the journal
  std::uint64_t waiting = 0;
  double seconds = 0.0;  // of all workers, now
  std::map<std::string, std::uint64_t> reasons{};
};

struct PipelineProgress {
  std::vector<FunnelRow> funnel{};
  double elapsed_seconds = 0.0;
};

struct PipelineConfig {
  std::size_t worker_count = 2;
  std::uint32_t attempts_max = 2;
  std::size_t queue_max = 100'000;  // items of a stage that wait; more end the pipeline
  std::function<void(const PipelineProgress&)> on_progress{};  // after each batch, one at a time
  const std::atomic<bool>* is_stopping = nullptr;  // batches under way are finished, no more begun
};

struct PipelineResult {
  std::vector<PipelineItem> items{};    // by id
  std::vector<Rejection> rejections{};  // by stage, then id
  std::vector<FunnelRow> funnel{};
  bool is_interrupted = false;
  std::string first_error{};  // of the broken items
};

// An Error where the journal fails or a bound is reached.
Result<PipelineResult> run_pipeline(std::vector<PipelineItem> items, std::span<const Stage> stages,
                                    Journal& journal, const PipelineConfig& config);

}  // namespace flywheel
