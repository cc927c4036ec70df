#include "runtime/system/shutdown.hpp"

#include <caf/exit_reason.hpp>
#include <caf/scoped_actor.hpp>

namespace flywheel {

std::size_t stop_actors(caf::actor_system& system, const std::vector<caf::actor>& actors,
                        std::chrono::milliseconds deadline) {
  caf::scoped_actor self{system, true};
  for (const auto& actor : actors) {
    self->monitor(actor);
    self->send_exit(actor, caf::exit_reason::user_shutdown);
  }
  std::size_t left = actors.size();
  const auto end = std::chrono::steady_clock::now() + deadline;
  bool is_late = false;
  while (left > 0 && !is_late) {
    const auto patience = std::max<std::chrono::steady_clock::duration>(
        end - std::chrono::steady_clock::now(), std::chrono::milliseconds{1});
    self->receive([&](const caf::down_msg&) { --left; },
                  caf::after(patience) >> [&] { is_late = true; });
  }
  return left;
}

}  // namespace flywheel
