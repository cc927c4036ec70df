// LossSums turns the scores of micro-batches into slopes for the backward pass and into the figures
// of a TrainReport. A batch has one optimiser step, so pi_old is pi itself, without gradient.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/learning/language_head.hpp"
#include "runtime/learning/losses.hpp"
#include "runtime/learning/trainer.hpp"

namespace flywheel {

class LossSums {
 public:
  LossSums(const AlgorithmConfig& algorithm, const BatchTotals& totals)
      : algorithm_(algorithm), totals_(totals) {}

  // d loss / d log pi of every entry.
  std::vector<float> slopes(const TrainBatch& batch, const MicroBatch& micro,
                            const TokenScores& scores) const;

  // The same for entries begin to end - 1 alone, where no later score is known yet; for losses that
  // don't couple tokens.
  void token_slopes(const TrainBatch& batch, const MicroBatch& micro, const TokenScores& scores,
                    std::size_t begin, std::size_t end, std::span<float> slopes) const;

  // Counts a finished micro-batch.
  void add(const TrainBatch& batch, const MicroBatch& micro, const TokenScores& scores);

  // The same for the negative log-likelihood, whatever the sequences' advantages are.
  void add_likelihood(const TrainBatch& batch, const MicroBatch& micro, const TokenScores& scores);

  void fill(TrainReport& report) const;

 private:
  struct Terms;  // one sequence's values, as losses.hpp takes them

  void count(const TrainSequence& sequence, const PlannedSequence& planned, const Terms& terms,
             const TokenScores& scores);

  AlgorithmConfig algorithm_;
  BatchTotals totals_;
  double loss_ = 0.0, log_probability_ = 0.0, entropy_ = 0.0, kl_ = 0.0, mismatch_k3_ = 0.0;
  double mismatch_max_ = 0.0, ratio_max_ = 0.0;
  double weight_sum_ = 0.0, weight_squares_ = 0.0;
  std::uint64_t token_count_ = 0, kl_count_ = 0, sampled_count_ = 0, clipped_count_ = 0;
};

}  // namespace flywheel
