// ToolHost runs the tool calls of conversations, each conversation in a container of its own.
//
//   SimulatedUser ──RunTools──▶ ToolHost ──job──▶ worker threads ──▶ Toolbox ──▶ the sandbox
//         ▲                      ▲    │                │
//         └──────ToolsRan────────┼────┘                │       SimulatedUser ──EndToolSession──▶
//                                └──ToolJobEnded───────┘
//
// Guarantees: only tools that the task allows are run; every call has one result within its tool's
//             time and bytes; a call that hangs, floods or kills its container costs only its own
//             conversation. At most `queue_max` turns wait and `sessions_max` conversations have a
//             container; what comes on top is refused. A session unused for `session_idle_max`
//             goes.
// Runs on:    a thread of its own, for the sandbox's ends; the calls on worker threads.
// If it dies: its keeper starts it again; the containers are gone, conversations that had one in
//             the middle of a call are talked through again.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include <caf/fwd.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "actors/messages/messages.hpp"
#include "actors/run_context.hpp"
#include "runtime/system/placement.hpp"
#include "runtime/tools/workbench.hpp"

namespace flywheel {

using ToolHost = caf::typed_actor<caf::replies_to<RunTools>::with<ToolsRan>,  // one result a call
                                  caf::reacts_to<EndToolSession>,             // ends its container
                                  caf::reacts_to<ToolJobEnded>>;  // from its own workers

// Makes a conversation's container, with the files that its task lays into it.
using WorkbenchFactory = std::function<Result<std::unique_ptr<Workbench>>(const TaskSetting&)>;

struct ToolHostConfig {
  WorkbenchFactory make_workbench{};  // empty = no sandbox: calls that need one are refused
  std::size_t threads = 2;            // calls that run at once; 0 = in place, for tests
  std::size_t queue_max = 1024;
  std::size_t sessions_max = 256;
  std::chrono::seconds session_idle_max{900};
};

ToolHost spawn_tool_host(caf::actor_system& system, RunContextPtr context, ToolHostConfig config,
                         Placement placement);

}  // namespace flywheel
