// BatchPlan is how a batch is computed: its sequences in an order of their own, cut to what is
// needed, packed into micro-batches.
//
// Guarantees: the plan is a function of the set of sequences, not of their order in the batch. A
//             sequence is never split. No micro-batch computes more than its budget, unless one
//             sequence alone does.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/learning/losses.hpp"
#include "runtime/learning/trainer.hpp"
#include "runtime/model/transformer_forest.hpp"

namespace flywheel {

// A token that carries loss, and the row whose hidden state predicts it.
struct LossEntry {
  std::int64_t row = 0;
  Token target = 0;
};

struct PlannedSequence {
  std::size_t index = 0;                 // in the batch
  std::vector<std::size_t> positions{};  // of the tokens that carry loss
  std::size_t entry_begin = 0;           // of its entries in the micro-batch, in order of position
};

struct MicroBatch {
  TokenForest forest{};
  std::vector<PlannedSequence> sequences{};
  std::vector<LossEntry> entries{};
};

struct BatchPlan {
  std::vector<MicroBatch> micro_batches{};
  BatchTotals totals{};  // sequences that are not computed count too
  std::uint64_t computed_token_count = 0;
};

enum class PlanFor : std::uint8_t { learning, scoring };

// Learning leaves out sequences that can't have a gradient (all advantages zero and no KL term)
// where the algorithm says so. Refuses what Trainer::step() refuses (invalid_argument).
Result<BatchPlan> plan_batch(const TrainBatch& batch, const ModelConfig& model,
                             const TrainerConfig& config, PlanFor purpose);

}  // namespace flywheel
