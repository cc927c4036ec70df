// Replay lets a rollout that was cut off catch up: a new container answers the commands that an
// older one ran from its trajectory, without running them, as long as the same ones come in the
// same order. With the first new command it gets the files that the older one would have:
//
//   a copy of the older container, if it lives and did nothing more     (fork)
//   else its last snapshot, and the commands after it run again         (snapshot)
//   else all commands run again, in order                               (rerun)
//
// Guarantees: a container that is ended while it catches up ends at once; what runs again is
// bounded
//             by the time that it took, and all of it by replay_time_max.
// Threads:    any; materialise() blocks: on a thread of `replays`.
#pragma once

#include <memory>
#include <optional>

#include "actors/caas/caas_state.hpp"

namespace flywheel {

// Reads a container's trajectory as far as it has no gap. not_found; invalid_argument: nothing in
// it can be replayed.
Result<std::unique_ptr<ReplayState>> load_replay(CaasState& state, ContainerId source);

enum class ReplayStep : std::uint8_t {
  live,         // it stands on its own: go on
  answered,     // the result is the one that was logged
  diverged,     // materialise() first
  in_progress,  // another request materialises: come back
};

struct ReplayAnswer {
  ReplayStep step = ReplayStep::live;
  Json result{};
};

// What the log says to the next request of that kind. An answer also enters the new log.
ReplayAnswer replay_next(CaasState& state, LiveContainer& live, std::string_view kind,
                         const Json& request);

// Gives the container its box; the outcome goes into its trajectory, or ends it as failed.
Result<> materialise(CaasState& state, const std::shared_ptr<LiveContainer>& live);

}  // namespace flywheel
