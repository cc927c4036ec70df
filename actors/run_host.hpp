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
#include "actors/services.hpp"
#include "actors/tool_setup.hpp"
#include "runtime/model/checkpoint.hpp"

namespace flywheel {

class RunHost {
 public:
  // A new run: checks the spec against the model and stores the run's record. The checkpoint is the
  // spec's model.
  static Result<std::unique_ptr<RunHost>> create(Services services, ExperimentSpec spec,
                                                 Checkpoint checkpoint);
  // Goes on with a stored run; invalid_argument where it has finished.
  static Result<std::unique_ptr<RunHost>> resume(Services services, RunId run);
  ~RunHost();  // stops the run and waits for it

  void start();
  void stop(const std::string& reason);  // in good order; the run stays resumable

  bool has_ended() { return feed_.has_ended(); }
  RunId run() const { return record_.id; }
  const ExperimentSpec& spec() const { return spec_; }
  const RunRecord& record() const { return record_; }
  RunFeed& feed() { return feed_; }

 private:
  // What the spec names, opened: a run that lacks one of them does not start.
  struct Means {
    std::shared_ptr<const TaskFamily> family{};
    const Grader* grader = nullptr;
    ToolSetup tools{};
  };

  RunHost(Services services, ExperimentSpec spec, Checkpoint checkpoint, RunRecord record,
          Means means);
  static Result<Means> open_means(const Services& services, const ExperimentSpec& spec);

  void conduct();
  Result<RunOutcome> run_once();
  RunContextPtr make_context() const;

  Services services_;
  ExperimentSpec spec_;
  Checkpoint checkpoint_;
  RunRecord record_;
  Precision precision_;
  Means means_;
  RunFeed feed_;
  std::mutex mutex_;
  std::optional<std::string> stop_reason_;
  std::thread conductor_;
};

// bfloat16 or float32, as the spec asks or as the CPU does fast.
Precision precision_of(PrecisionChoice choice);

}  // namespace flywheel
