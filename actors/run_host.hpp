// RunHost brings one run to life: loads the model, spawns the actors of the run, waits for its end,
// and takes everything down again.
//
//   start() ─▶ its own thread: load ─▶ spawn parts ─▶ Experiment runs ─▶ take down ─▶ feed.end()
//                                          └──◀── rolled back: again from the snapshot
//
// Threads: any; the run itself is conducted on a thread of the host.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "actors/experiment.hpp"
#include "actors/run_feed.hpp"
#include "actors/run_keeper.hpp"
#include "actors/run_means.hpp"
#include "actors/services.hpp"
#include "runtime/model/checkpoint.hpp"

namespace flywheel {

class RunParts;

// What budget.disk_gib_min asks for.
std::uint64_t free_bytes_needed(const ExperimentSpec& spec);

class RunHost {
 public:
  // A new run: checks the spec against the model and the disk, and stores the run's record. The
  // checkpoint is the spec's model.
  static Result<std::unique_ptr<RunHost>> create(Services services, ExperimentSpec spec,
                                                 Checkpoint checkpoint);
  // Goes on with a stored run; invalid_argument where it has finished, resource_exhausted where the
  // disk has less free space than its spec asks for, hash_mismatch where its model or its data have
  // changed.
  static Result<std::unique_ptr<RunHost>> resume(Services services, RunId run);
  ~RunHost();  // stops the run and waits for it

  void start();
  void stop(const std::string& reason);  // in good order; the run stays resumable

  bool has_ended() const { return feed_->has_ended(); }
  RunId run() const { return record_.id; }
  const ExperimentSpec& spec() const { return spec_; }
  const RunRecord& record() const { return record_; }
  // Watchers share it: a stream may be gone after the host is.
  std::shared_ptr<RunFeed> feed() const { return feed_; }

 private:
  RunHost(Services services, ExperimentSpec spec, Checkpoint checkpoint, RunRecord record,
          RunMeans means);

  // Tells the parts of the run that are alive of a stop, whichever comes first.
  void attach(RunParts* parts);

  void conduct();
  Result<RunOutcome> run_once();

  Services services_;
  ExperimentSpec spec_;
  Checkpoint checkpoint_;
  RunRecord record_;
  RunMeans means_;
  std::shared_ptr<RunFeed> feed_ = std::make_shared<RunFeed>();
  std::mutex mutex_;
  std::optional<std::string> stop_reason_;
  RunParts* parts_ = nullptr;  // of the attempt under way
  std::thread conductor_;
};

}  // namespace flywheel
