// RunParts spawns the actors of one run, wires them to each other, and takes them down.
#pragma once

#include <memory>
#include <vector>

#include <caf/actor.hpp>

#include "actors/experiment.hpp"
#include "actors/run_keeper.hpp"
#include "actors/run_plan.hpp"
#include "actors/services.hpp"
#include "actors/tool_setup.hpp"
#include "runtime/model/checkpoint.hpp"

namespace flywheel {

struct RunPartsConfig {
  RunContextPtr context{};
  Checkpoint checkpoint{};
  WeightsHandle initial{};  // the checkpoint's weights in the run's precision
  HeldOutTasks held_out{};
  ResumePoint resume{};
  ToolSetup tools{};
  std::string checkpoint_folder{};
};

class RunParts {
 public:
  // `keeper` is told the gauges of the samplers before anything runs; it outlives the parts.
  RunParts(const Services& services, RunPartsConfig config, RunKeeper& keeper);
  ~RunParts();  // ends all of them, the Experiment first
  RunParts(const RunParts&) = delete;
  RunParts& operator=(const RunParts&) = delete;

  void start();                          // StartRun to the Experiment
  void stop(const std::string& reason);  // StopRun

 private:
  std::vector<caf::actor> all_;  // in the order in which they are ended
  caf::actor_system& system_;
  std::shared_ptr<ModelLine> model_line_;
  Experiment experiment_;
};

}  // namespace flywheel
