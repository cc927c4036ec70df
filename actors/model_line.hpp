// ModelLine lets the tool `model` ask the model that a run trains: the tools are made before the
// run's samplers are, so the line is connected later.
//
//   tool `model` on a worker thread ──ask──▶ ModelLine ──Generate──▶ Sampler
//
// Guarantees: an ask ends at its deadline; before connect() and after disconnect() it is refused.
// Threads:    any; ask() blocks, on the worker threads of the ToolHost.
#pragma once

#include <mutex>

#include <caf/fwd.hpp>

#include "actors/run_context.hpp"
#include "actors/sampler.hpp"
#include "runtime/tools/model_tool.hpp"

namespace flywheel {

class ModelLine {
 public:
  void connect(caf::actor_system& system, RunContextPtr context, const Sampler& sampler);
  void disconnect();
  Result<std::string> ask(const ModelQuestion& question);

 private:
  std::mutex mutex_;
  AskModel ask_{};
};

}  // namespace flywheel
