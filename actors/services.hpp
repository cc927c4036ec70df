// Services are what all runs of one node share; they outlive every run.
#pragma once

#include <caf/actor_system.hpp>

#include "actors/sandbox_provider.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/system/compute_gate.hpp"
#include "runtime/system/waits.hpp"
#include "storage/checkpoint_index.hpp"
#include "storage/conversation_store.hpp"
#include "storage/dataset_store.hpp"
#include "storage/ledger_store.hpp"
#include "storage/metric_store.hpp"
#include "storage/workspace.hpp"

namespace flywheel {

struct Services {
  Workspace* workspace = nullptr;
  LedgerStore* ledger = nullptr;
  DatasetStore* datasets = nullptr;
  ConversationStore* conversations = nullptr;
  CheckpointIndex* checkpoints = nullptr;
  MetricStore* metrics = nullptr;
  caf::actor_system* system = nullptr;  // null where no actors run: reading subcommands
  WaitRegistry* waits = nullptr;
  ComputeGate* gate = nullptr;
  SandboxProvider* sandbox = nullptr;  // null where no actors run
  const Clock* clock = nullptr;
};

}  // namespace flywheel
