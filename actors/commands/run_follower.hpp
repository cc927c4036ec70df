// RunFollower shows a run until it has ended, whoever conducts it.
//
//   RunHost of this process ──feed────────────────▶ follow()
//   owner's /v1/runs/RUN/events ──────────────────▶ follow_at_owner() ──▶ /v1/runs/RUN/stop
//
// Guarantees: the first SIGINT or SIGTERM stops the run at once and in good order, also while
//             nothing is heard of it; the second ends the process: what is committed survives both.
// Threads:    one call at a time.
#pragma once

#include <string>

#include "actors/commands/workspace_client.hpp"
#include "actors/run_host.hpp"

namespace flywheel {

// What the run came to, whoever conducted it.
struct RunEnd {
  std::string run{};
  std::string status{};  // "finished", "interrupted" or "failed"
  std::string reason{};
  std::string checkpoint{};  // its folder; empty = none was written
};

// From now on the two signals stop the run that is followed instead of the process.
void stop_runs_on_signals();

RunEnd follow(RunHost& host, bool json);

// `client` asks the owner. An owner that goes away leaves an interrupted run; an error where the
// run goes on but can't be followed.
Result<RunEnd> follow_at_owner(WorkspaceClient& client, const std::string& home,
                               const std::string& run, bool json);

}  // namespace flywheel
