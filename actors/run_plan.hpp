// What a run is made of before its actors start: its record, its data, and where it goes on.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "actors/experiment.hpp"
#include "actors/services.hpp"

namespace flywheel {

struct HeldOutTasks {
  std::vector<Task> generated{};
  std::vector<Task> hand_written{};
};

// The held-out tasks of a spec; the loader's error names file and line.
Result<HeldOutTasks> held_out_tasks(const ExperimentSpec& spec, const TaskFamily& family);

// Stores the data sets and the run's record, makes its folder with the resolved spec.
Result<RunRecord> create_run(const Services& services, const ExperimentSpec& spec,
                             const TaskFamily& family, Hash128 base_weights);

// hash_mismatch, naming split and file, where the spec gives other tasks than the run began with.
Result<> check_data_unchanged(const Services& services, const RunRecord& record,
                              const ExperimentSpec& spec, const TaskFamily& family);

// Puts the ledger right after a crash (running is planned again, leased is graded again) and says
// where the run goes on.
Result<ResumePoint> resume_point(const Services& services, const RunRecord& record,
                                 const ExperimentSpec& spec);

// Forgets the steps after `step`, their snapshots and evaluations: their replay from the snapshot
// of that step did not give their hashes.
Result<> roll_back_to_snapshot(const Services& services, const RunRecord& record,
                               const ExperimentSpec& spec, std::uint64_t step,
                               const std::string& why);

}  // namespace flywheel
