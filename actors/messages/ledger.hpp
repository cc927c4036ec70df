// The conversation with the Ledger: every change of a rollout's state, leases, steps. The changes
// are storage/ledger_store.hpp's own; each is answered Stored once it is durable.
//
//   Experiment, SimulatedUser ──PlanRollouts, FinishRollout, ...──▶ Ledger ──Stored──▶
//   Experiment ──LeaseBatch──▶ Ledger ──BatchLeased──▶      Learner ──ReadRollouts──▶ Ledger
//   ──RolloutBatch──▶
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "actors/messages/records.hpp"
#include "storage/ledger_store.hpp"

namespace flywheel {

// What was asked is on disk.
struct Stored {};

// Asks for one training batch; answered as soon as `group_count` groups are complete and fresh.
// Where groups had to be given up because they are too old, it is answered at once with those
// alone, so that the Experiment can have others made.
struct LeaseBatch {
  RunId run{};
  std::uint64_t step = 0;           // leases for this step
  PolicyVersion version = 0;        // the learner's weights
  std::uint64_t staleness_max = 0;  // versions a token may be behind them
  std::uint32_t group_count = 0;
  bool in_order = false;  // exactly groups (step-1)*group_count .. step*group_count-1
};
struct BatchLeased {
  std::uint64_t step = 0;
  std::vector<RolloutId> ids{};        // in order
  std::vector<RolloutId> discarded{};  // too old
  std::uint32_t discarded_group_count = 0;
};

// Asks for rollouts as they are stored, in the order of `ids`.
struct ReadRollouts {
  std::vector<RolloutId> ids{};
};
struct RolloutBatch {
  std::vector<Rollout> rollouts{};
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Stored&) {
  return f(caf::meta::type_name("Stored"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, PlanRollouts& x) {
  return f(caf::meta::type_name("PlanRollouts"), x.rollouts);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, StartRollouts& x) {
  return f(caf::meta::type_name("StartRollouts"), x.ids);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, FinishRollout& x) {
  return f(caf::meta::type_name("FinishRollout"), x.id, x.transcript);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, GradeRollout& x) {
  return f(caf::meta::type_name("GradeRollout"), x.id, x.verdict);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, DiscardRollouts& x) {
  return f(caf::meta::type_name("DiscardRollouts"), x.ids, x.reason);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, StepRecord& x) {
  std::vector<std::string> names;
  std::vector<double> values;
  for (const auto& [name, value] : x.metrics) {
    names.push_back(name);
    values.push_back(value);
  }
  auto raw_values = as_raw(values);
  return f(caf::meta::type_name("StepRecord"), x.run, x.step, x.committed_ms, x.policy_version,
           x.weights_hash, x.learner_state_hash, x.random_state, x.data_cursors, x.staleness,
           x.consumed, names, raw_values, caf::meta::load_callback([&]() -> caf::error {
             x.metrics.clear();
             for (std::size_t i = 0; i < names.size() && i < values.size(); ++i)
               x.metrics[names[i]] = values[i];
             return caf::none;
           }));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, CommitStep& x) {
  return f(caf::meta::type_name("CommitStep"), x.step);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, LeaseBatch& x) {
  return f(caf::meta::type_name("LeaseBatch"), x.run, x.step, x.version, x.staleness_max,
           x.group_count, x.in_order);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, BatchLeased& x) {
  return f(caf::meta::type_name("BatchLeased"), x.step, x.ids, x.discarded,
           x.discarded_group_count);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ReadRollouts& x) {
  return f(caf::meta::type_name("ReadRollouts"), x.ids);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, RolloutBatch& x) {
  return f(caf::meta::type_name("RolloutBatch"), x.rollouts);
}

}  // namespace flywheel
