// The conversation that keeps the learner's state on the disk, and brings it back.
//
//   Experiment ──SaveSnapshot──▶ Learner ──WriteSnapshot──▶ SnapshotWriter ──SnapshotSaved──▶
//   Experiment ──LoadSnapshot──▶ Learner ──SnapshotLoaded──▶
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "actors/messages/weights.hpp"
#include "runtime/learning/trainer.hpp"

namespace flywheel {

struct SaveSnapshot {
  std::uint64_t step = 0;
  std::string path{};
};
// Local only: carries the learner's state as it was after the step.
struct WriteSnapshot {
  std::uint64_t step = 0;
  std::string path{};
  std::shared_ptr<const TrainerState> state{};
};
struct SnapshotSaved {
  std::uint64_t step = 0;
  std::string path{};
  Hash128 hash{};  // of the state that was written
};
struct LoadSnapshot {
  std::uint64_t step = 0;  // that it was saved after
  std::string path{};
};
// Local only: carries weights.
struct SnapshotLoaded {
  Hash128 hash{};          // state hash of what was loaded
  LocalWeights weights{};  // in the samplers' precision
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, SaveSnapshot& x) {
  return f(caf::meta::type_name("SaveSnapshot"), x.step, x.path);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, SnapshotSaved& x) {
  return f(caf::meta::type_name("SnapshotSaved"), x.step, x.path, x.hash);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, LoadSnapshot& x) {
  return f(caf::meta::type_name("LoadSnapshot"), x.step, x.path);
}

}  // namespace flywheel

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flywheel::WriteSnapshot)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flywheel::SnapshotLoaded)
