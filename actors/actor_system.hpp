// The one configuration of CAF: messages, errors, scheduler. docs/adr/0002 says why each is set.
#pragma once

#include <caf/actor_system_config.hpp>

namespace flywheel {

struct ActorSystemConfig : caf::actor_system_config {
  ActorSystemConfig();
};

}  // namespace flywheel
