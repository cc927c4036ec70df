#include "actors/snapshot_writer.hpp"

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "runtime/system/caf_failure.hpp"

namespace flywheel {
namespace {

struct State {
  static inline const char* name = "snapshot_writer";
};

SnapshotWriter::behavior_type behavior(SnapshotWriter::stateful_pointer<State> self) {
  keep_words(self);
  return {
      [](const WriteSnapshot& request) -> caf::result<SnapshotSaved> {
        auto saved = request.state->save(request.path);
        if (!saved) return to_caf(saved.error());
        return SnapshotSaved{request.step, request.path, *saved};
      },
  };
}

}  // namespace

SnapshotWriter spawn_snapshot_writer(caf::actor_system& system, Placement placement) {
  return spawn_placed(system, placement, behavior);
}

}  // namespace flywheel
