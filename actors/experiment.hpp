// Experiment conducts a run: it grants credits, moves the run through its phases, and owns nothing
// heavy.
//
//   credits: (version + staleness_max + 1) * tasks_per_step groups may ever have been started
//   Experiment ──NextTasks──▶ Dataset   ──PlanRollouts──▶ Ledger   ──NextTurn──▶ SimulatedUsers
//   Experiment ──LeaseBatch──▶ Ledger   ──LearnStep──▶ Learner   ──CommitStep──▶ Ledger
//   Experiment ──PublishWeights──▶ Publisher      ──Evaluate──▶ Evaluator
//
// Guarantees: while the learner learns, the next steps' conversations go on, bounded by the
//             staleness bound, on credits and never by polling; weights are published only after
//             their step is committed; replayed steps must give the hash that was committed, else
//             the run rolls back to its snapshot. A conversation that broke goes on from what the
//             ledger holds of it. In deterministic mode a rollout's version is fixed by its index:
//             weights are published only between conversations, and batches are taken in order.
// Runs on:    a thread of its own.
// If it dies: the run stops; `flywheel run --resume` goes on.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include <caf/fwd.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "actors/dataset.hpp"
#include "actors/evaluator.hpp"
#include "actors/grader.hpp"
#include "actors/learner.hpp"
#include "actors/ledger.hpp"
#include "actors/publisher.hpp"
#include "actors/run_observer.hpp"
#include "actors/sampler.hpp"

namespace flywheel {

using Experiment = caf::typed_actor<caf::reacts_to<StartRun>,           // begins or goes on
                                    caf::reacts_to<StopRun>,            // ends in good order
                                    caf::reacts_to<ConversationEnded>,  // a rollout is graded
                                    caf::reacts_to<PartDied>>;          // a part can't go on

struct ExperimentParts {
  Dataset dataset{};
  std::vector<Sampler> samplers{};  // conversations are spread over them by index
  GraderActor grader{};
  std::optional<ToolHost> tools{};  // absent where the tasks have none
  Ledger ledger{};
  Learner learner{};
  Publisher publisher{};
  Evaluator evaluator{};
};

// Where a run goes on, as the stores say it. Nothing of it for a new run.
struct ResumePoint {
  std::uint64_t last_step = 0;      // committed
  std::uint64_t snapshot_step = 0;  // 0 = start from the initial weights
  std::string snapshot_path{};
  Hash128 snapshot_hash{};
  std::deque<StepRecord> replay{};         // the steps after the snapshot, in order
  std::vector<Rollout> unfinished{};       // planned: to be talked through; finished: to be judged
  std::uint64_t open_group_count = 0;      // planned and not consumed
  std::uint64_t next_group = 0;            // the first that was never planned
  std::uint64_t given_up_group_count = 0;  // discarded whole: others were started in their place
  std::map<std::uint64_t, std::uint32_t> discarded{};  // rollouts, by group that has some left
};

struct ExperimentConfig {
  ExperimentParts parts{};
  LocalWeights initial{};  // in the samplers' precision
  ResumePoint resume{};
  std::string snapshot_folder{};
  std::string checkpoint_folder{};
  RunObserver* observer = nullptr;  // outlives the actor
};

Experiment spawn_experiment(caf::actor_system& system, RunContextPtr context,
                            ExperimentConfig config, Placement placement);

// The version that samples the rollouts of a group in deterministic mode: those of step k, from the
// weights of step k - 1 - staleness_max.
PolicyVersion version_of_group(std::uint64_t group, std::uint32_t tasks_per_step,
                               std::uint32_t staleness_max);

}  // namespace flywheel
