#include "actors/supervisor.hpp"

#include <utility>

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include "runtime/base/log.hpp"
#include "runtime/system/caf_failure.hpp"

namespace flywheel {
namespace {

struct State {
  static inline const char* name = "supervisor";

  std::vector<NamedPart> parts;
  Experiment experiment;
  RunObserver* observer = nullptr;
};

// One that ended in good order has told its outcome before.
void on_experiment_down(State& state, const caf::error& reason) {
  if (!reason) return;
  log_error("experiment died: {}", describe(reason));
  state.observer->ended(
      {.status = RunStatus::failed, .reason = "the experiment died: " + describe(reason)});
}

caf::behavior behavior(caf::stateful_actor<State>* self, std::vector<NamedPart> parts,
                       Experiment experiment, RunObserver* observer) {
  keep_words(self);
  self->state.parts = std::move(parts);
  self->state.experiment = std::move(experiment);
  self->state.observer = observer;
  self->monitor(self->state.experiment);
  for (const auto& [name, part] : self->state.parts) self->monitor(part);
  self->set_down_handler([self](const caf::down_msg& down) {
    if (down.source == self->state.experiment.address())
      return on_experiment_down(self->state, down.reason);
    for (const auto& [name, part] : self->state.parts) {
      if (part.address() != down.source) continue;
      log_error("{} died: {}", name, describe(down.reason));
      self->send(self->state.experiment, PartDied{name, describe(down.reason), false});
    }
  });
  return {[](NextTurn) {}};
}

}  // namespace

caf::actor spawn_supervisor(caf::actor_system& system, std::vector<NamedPart> parts,
                            Experiment experiment, RunObserver& observer) {
  return system.spawn(behavior, std::move(parts), std::move(experiment), &observer);
}

}  // namespace flywheel
