#include "runtime/system/supervision.hpp"

#include <deque>
#include <utility>

#include <caf/event_based_actor.hpp>
#include <caf/message.hpp>
#include <caf/result.hpp>
#include <caf/stateful_actor.hpp>

#include "runtime/base/log.hpp"
#include "runtime/system/caf_failure.hpp"

namespace flywheel {
namespace {

struct State {
  static inline const char* name = "keeper";

  Kept kept;
  caf::actor child;
  std::deque<caf::actor_clock::time_point> deaths;  // within the window
};

using Self = caf::stateful_actor<State>;

void start_child(Self* self) {
  self->state.child = self->state.kept.start();
  self->monitor(self->state.child);
}

void on_down(Self* self, const caf::down_msg& down) {
  auto& state = self->state;
  if (down.source != state.child.address()) return;
  const auto now = self->clock().now();
  state.deaths.push_back(now);
  while (now - state.deaths.front() > state.kept.policy.window) state.deaths.pop_front();
  const bool restarts = down.reason && state.deaths.size() <= state.kept.policy.restarts_max;
  const std::string reason = describe(down.reason);
  log_warning("{} died ({}): {}", state.kept.name, reason, restarts ? "restarted" : "given up");
  if (state.kept.on_death) state.kept.on_death(state.kept.name, reason, restarts);
  if (restarts)
    start_child(self);
  else
    self->quit(down.reason);
}

caf::behavior keeper(Self* self, Kept kept) {
  keep_words(self);
  self->state.kept = std::move(kept);
  self->set_down_handler([self](caf::down_msg& down) { on_down(self, down); });
  self->set_exit_handler([self](caf::exit_msg& exit) {
    self->demonitor(self->state.child);
    self->send_exit(self->state.child, exit.reason);
    self->quit(exit.reason);
  });
  self->set_default_handler(
      [self](caf::scheduled_actor*, caf::message_view& view) -> caf::result<caf::message> {
        self->delegate(self->state.child, view.move_content_to_message());
        return caf::delegated<caf::message>{};
      });
  start_child(self);
  // A behaviour needs one handler; this message is the keeper's own and nobody sends it.
  return {[](caf::unit_t) {}};
}

}  // namespace

caf::actor spawn_keeper(caf::actor_system& system, Kept kept) {
  return system.spawn(keeper, std::move(kept));
}

}  // namespace flywheel
