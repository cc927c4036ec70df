// RunKeeper keeps what an Experiment tells: curves, evaluations, snapshots and checkpoints in the
// stores, progress in the feed.
//
// Threads: the Experiment's, one call at a time; wait_until_ended() from another.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "actors/run_context.hpp"
#include "actors/run_feed.hpp"
#include "actors/run_observer.hpp"
#include "actors/sampler.hpp"
#include "storage/checkpoint_index.hpp"
#include "storage/metric_store.hpp"
#include "storage/workspace.hpp"

namespace flywheel {

struct RunKeeperConfig {
  RunContextPtr context{};
  Workspace* workspace = nullptr;  // these outlive the keeper
  MetricStore* metrics = nullptr;
  CheckpointIndex* checkpoints = nullptr;
  RunFeed* feed = nullptr;
  CheckpointId checkpoint{};  // what the run will publish
};

class RunKeeper final : public RunObserver {
 public:
  explicit RunKeeper(RunKeeperConfig config);

  // Before the run starts: what its samplers write down of themselves.
  void watch_sampler(const std::string& name, std::shared_ptr<SamplerGauges> gauges);

  void progressed(const RunProgress& progress) override;
  void step_committed(const StepLearned& learned) override;
  Result<> evaluated(const Evaluated& evaluated) override;
  Result<> snapshot_saved(const SnapshotSaved& saved) override;
  Result<> checkpoint_written(const CheckpointWritten& written, std::uint64_t step) override;
  bool has_evaluation(const std::string& name) const override;
  void ended(const RunOutcome& outcome) override;

  // Blocks until the Experiment tells its outcome; deadline_exceeded after `patience`.
  Result<RunOutcome> wait_until_ended(std::chrono::milliseconds patience);

 private:
  std::filesystem::path evaluation_folder() const;
  void measure_rates();

  RunKeeperConfig config_;
  std::map<std::string, std::shared_ptr<SamplerGauges>> samplers_;
  ProgressSnapshot snapshot_;
  SteadyTime started_;
  std::uint64_t tokens_before_ = 0;
  double busy_before_ = 0.0;
  SteadyTime step_ended_{};
  std::mutex mutex_;
  std::condition_variable has_ended_;
  std::optional<RunOutcome> outcome_;
};

}  // namespace flywheel
