// Sampler generates turns with continuous batching, and proves which weights it does it with.
//
//   SimulatedUser ──Generate──▶ Sampler ──Generated──▶      Publisher ──InstallWeights──▶ Sampler
//
// Guarantees: tokens carry version v only after the sampler's own content hash of what it holds
//             equals the publisher's; after a mismatch it samples nothing until good weights come.
//             New weights take effect between two decode steps and lose no sequence. Its queue is
//             bounded by the engine's; one request more is refused. A sampler that never had
//             weights lets requests wait for them: after a restart nobody asks in vain.
// Runs on:    a thread of its own; decodes only while it has sequences.
// If it dies: its keeper starts it again, the Publisher installs the newest weights, and the
//             conversations it had ask anew.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include <caf/fwd.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "actors/messages/messages.hpp"
#include "actors/run_context.hpp"
#include "runtime/system/placement.hpp"

namespace flywheel {

using Sampler =
    caf::typed_actor<caf::replies_to<Generate>::with<Generated>,               // one turn
                     caf::replies_to<InstallWeights>::with<WeightsInstalled>,  // proves the hash
                     caf::reacts_to<NextTurn>>;  // its own decode loop

// What a sampler is doing now, for progress and metrics; written by it, read by anyone.
struct SamplerGauges {
  std::atomic<std::uint64_t> tokens_sampled{0};  // by all of its lives
  std::atomic<std::uint32_t> active{0};
  std::atomic<std::uint32_t> waiting{0};
  std::atomic<double> busy_seconds{0.0};
};

using EngineFactory =
    std::function<Result<std::unique_ptr<Engine>>(const WeightsHandle&, PolicyVersion)>;

struct SamplerConfig {
  std::string name = "sampler";  // as a party of the compute gate
  EngineFactory make_engine{};
  std::shared_ptr<SamplerGauges> gauges = std::make_shared<SamplerGauges>();
};

Sampler spawn_sampler(caf::actor_system& system, RunContextPtr context, SamplerConfig config,
                      Placement placement);

}  // namespace flywheel
