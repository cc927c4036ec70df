// RunObserver is told what a run does: it keeps the curves, the evaluations and the progress that
// people see. The Experiment conducts and owns nothing heavy; what must last goes through here.
//
// Threads: called by the Experiment's thread alone; ended() by the supervisor's too, once the
//          Experiment is gone.
#pragma once

#include <cstdint>
#include <string>

#include "actors/messages/messages.hpp"

namespace flywheel {

// How a run ended.
struct RunOutcome {
  RunStatus status = RunStatus::failed;
  std::string reason{};             // one line; empty where it finished
  bool rolled_back = false;         // steps were lost: begin again from the snapshot
  std::uint64_t snapshot_step = 0;  // where it was rolled back: what the replay had begun with
  std::string checkpoint{};         // the folder that was published; empty = none
  Hash128 weights_hash{};           // of the newest committed weights
};

// Numbers of the moment.
struct RunProgress {
  std::string phase{};              // "evaluating before", "learning", ...
  std::uint64_t step = 0;           // committed
  std::uint64_t version = 0;        // published
  std::uint32_t conversations = 0;  // in flight
  std::uint64_t groups_open = 0;    // planned, not consumed
};

class RunObserver {
 public:
  virtual ~RunObserver() = default;

  virtual void progressed(const RunProgress& progress) = 0;
  virtual void step_committed(const StepLearned& learned) = 0;
  virtual Result<> evaluated(const Evaluated& evaluated) = 0;       // durable when it returns
  virtual Result<> snapshot_saved(const SnapshotSaved& saved) = 0;  // durable when it returns
  virtual Result<> checkpoint_written(const CheckpointWritten& written, std::uint64_t step) = 0;
  virtual bool has_evaluation(const std::string& name) const = 0;
  virtual void ended(const RunOutcome& outcome) = 0;  // the first one told counts
};

}  // namespace flywheel
