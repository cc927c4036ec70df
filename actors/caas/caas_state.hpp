// What the parts of the container service share. Internal to actors/caas; order is the order of
// making, and the reverse of ending.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "actors/caas/caas_config.hpp"
#include "actors/caas/container_table.hpp"
#include "actors/caas/exec_desk.hpp"
#include "actors/caas/work_queue.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/sandbox/sandbox_host.hpp"
#include "storage/container_store.hpp"
#include "storage/group_commit.hpp"

namespace flywheel {

struct CaasState {
  CaasState(CaasConfig chosen, std::unique_ptr<KeyValueStore> opened,
            std::unique_ptr<SandboxHost> boxes, Metrics& registry);

  CaasConfig config;
  const Clock& clock = system_clock();
  Metrics& metrics;
  Histogram& create_seconds;
  std::unique_ptr<KeyValueStore> database;
  ContainerStore store;
  GroupCommit commit;
  std::unique_ptr<SandboxHost> host;
  WorkQueue workers;
  WorkQueue enders;   // of containers alone: an end waits for nothing else
  WorkQueue replays;  // that catch up, for as long as their commands ran
  ContainerTable table;
  ExecDesk execs;
  std::atomic<bool> is_stopping{false};
  std::mutex keys_mutex{};
  std::map<std::string, Hash128> keys_under_way{};  // idempotency keys whose request is not through
};

}  // namespace flywheel
