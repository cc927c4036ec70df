#include "actors/grader.hpp"

#include <utility>

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

namespace flywheel {
namespace {

struct State {
  static inline const char* name = "grader";

  RunContextPtr context;
};

GraderActor::behavior_type behavior(GraderActor::stateful_pointer<State> self,
                                    RunContextPtr context) {
  self->state.context = std::move(context);
  return {
      [self](const GradeTranscript& request) {
        return self->state.context->grader->grade(request.task, request.transcript);
      },
  };
}

}  // namespace

GraderActor spawn_grader(caf::actor_system& system, RunContextPtr context) {
  return system.spawn(behavior, std::move(context));
}

}  // namespace flywheel
