#include "actors/actor_system.hpp"

#include <caf/atom.hpp>

#include "actors/messages/messages.hpp"
#include "runtime/system/caf_failure.hpp"

namespace flywheel {
namespace {

// The scheduled actors only pass messages on; what computes has threads of its own.
constexpr std::size_t scheduler_threads = 2;
constexpr std::size_t messages_a_turn = 100;  // so that no actor keeps others waiting

}  // namespace

ActorSystemConfig::ActorSystemConfig() {
  add_message_types<caf::id_block::flywheel>();
  add_failure_category(*this);
  set("scheduler.policy", caf::atom("sharing"));  // stealing is quadratic in a fan-out
  set("scheduler.max-threads", scheduler_threads);
  set("scheduler.max-throughput", messages_a_turn);
}

}  // namespace flywheel
