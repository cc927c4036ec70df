#include "runtime/learning/loss_sums.hpp"

#include <algorithm>
#include <cmath>

namespace flywheel {

struct LossSums::Terms {
  std::vector<double> pi, mu, reference, advantages;

  // Positions first to last - 1 of the sequence's loss tokens.
  Terms(const TrainSequence& sequence, const PlannedSequence& planned, const TokenScores& scores,
        std::size_t first, std::size_t last) {
    const auto pick = [&](const std::vector<float>& from, std::vector<double>& to) {
      if (from.empty()) return;
      for (auto i = first; i < last; ++i) to.push_back(from[planned.positions[i]]);
    };
    for (auto i = first; i < last; ++i)
      pi.push_back(scores.log_probabilities[planned.entry_begin + i]);
    pick(sequence.sampler_log_probabilities, mu);
    pick(sequence.reference_log_probabilities, reference);
    pick(sequence.advantages, advantages);
  }

  SequenceTerms view() const {
    return {.log_pi = pi,
            .log_pi_old = pi,
            .log_mu = mu,
            .log_pi_ref = reference,
            .advantages = advantages};
  }
};

std::vector<float> LossSums::slopes(const TrainBatch& batch, const MicroBatch& micro,
                                    const TokenScores& scores) const {
  std::vector<float> result(micro.entries.size());
  for (const auto& planned : micro.sequences) {
    const auto count = planned.positions.size();
    const Terms terms{batch.sequences[planned.index], planned, scores, 0, count};
    std::vector<double> gradient(count);
    sequence_loss(algorithm_, terms.view(), totals_, gradient);
    std::transform(gradient.begin(), gradient.end(),
                   result.begin() + static_cast<std::ptrdiff_t>(planned.entry_begin),
                   [](double slope) { return static_cast<float>(slope); });
  }
  return result;
}

void LossSums::token_slopes(const TrainBatch& batch, const MicroBatch& micro,
                            const TokenScores& scores, std::size_t begin, std::size_t end,
                            std::span<float> slopes) const {
  for (const auto& planned : micro.sequences) {
    const auto count = planned.positions.size();
    const auto first = std::max(begin, planned.entry_begin);
    const auto last = std::min(end, planned.entry_begin + count);
    if (first >= last) continue;
    const Terms terms{batch.sequences[planned.index], planned, scores, first - planned.entry_begin,
                      last - planned.entry_begin};
    std::vector<double> gradient(last - first);
    sequence_loss(algorithm_, terms.view(), totals_, gradient);
    // The divisor of a part of the sequence is not that of the whole.
    const double correction = token_divisor_inverse(algorithm_, count, totals_) /
                              token_divisor_inverse(algorithm_, last - first, totals_);
    for (std::size_t i = 0; i < gradient.size(); ++i)
      slopes[first - begin + i] = static_cast<float>(gradient[i] * correction);
  }
}

void LossSums::add(const TrainBatch& batch, const MicroBatch& micro, const TokenScores& scores) {
  for (const auto& planned : micro.sequences) {
    const auto& sequence = batch.sequences[planned.index];
    const Terms terms{sequence, planned, scores, 0, planned.positions.size()};
    std::vector<double> unused(planned.positions.size());
    const auto part = sequence_loss(algorithm_, terms.view(), totals_, unused);
    loss_ += part.loss;
    clipped_count_ += part.clipped_count;
    count(sequence, planned, terms, scores);
  }
}

void LossSums::add_likelihood(const TrainBatch& batch, const MicroBatch& micro,
                              const TokenScores& scores) {
  for (const auto& planned : micro.sequences) {
    const auto& sequence = batch.sequences[planned.index];
    const Terms terms{sequence, planned, scores, 0, planned.positions.size()};
    std::vector<double> unused(planned.positions.size());
    const SequenceTerms likelihood{.log_pi = terms.pi};
    loss_ += sequence_loss(algorithm_, likelihood, totals_, unused).loss;
    count(sequence, planned, terms, scores);
  }
}

void LossSums::count(const TrainSequence& sequence, const PlannedSequence& planned,
                     const Terms& terms, const TokenScores& scores) {
  const auto size = planned.positions.size();
  token_count_ += size;
  for (std::size_t i = 0; i < size; ++i) {
    log_probability_ += terms.pi[i];
    entropy_ += scores.entropies[planned.entry_begin + i];
  }
  if (!sequence.sampler_log_probabilities.empty()) {
    sampled_count_ += size;
    for (std::size_t i = 0; i < size; ++i) {
      const double difference = terms.pi[i] - terms.mu[i];
      const double weight = importance_weight(terms.pi[i], terms.mu[i], 0.0);
      mismatch_k3_ += kl_estimate(KlKind::k3, difference);
      mismatch_max_ = std::max(mismatch_max_, std::abs(difference));
      ratio_max_ = std::max(ratio_max_, std::exp(difference));
      weight_sum_ += weight;
      weight_squares_ += weight * weight;
    }
  }
  if (algorithm_.kl != KlKind::none && !sequence.reference_log_probabilities.empty()) {
    kl_count_ += size;
    for (std::size_t i = 0; i < size; ++i)
      kl_ += kl_estimate(KlKind::k3, terms.reference[i] - terms.pi[i]);
  }
}

void LossSums::fill(TrainReport& report) const {
  const auto mean = [](double sum, std::uint64_t count) {
    return count > 0 ? sum / static_cast<double>(count) : 0.0;
  };
  report.loss = loss_;
  report.sequence_count = totals_.sequence_count;
  report.loss_token_count = totals_.token_count;
  report.mean_log_probability = mean(log_probability_, token_count_);
  report.entropy = mean(entropy_, token_count_);
  report.clip_fraction = mean(static_cast<double>(clipped_count_), token_count_);
  report.ratio_max = ratio_max_;
  report.kl_to_reference = mean(kl_, kl_count_);
  report.mismatch_k3_mean = mean(mismatch_k3_, sampled_count_);
  report.mismatch_abs_max = mismatch_max_;
  report.effective_sample_share = effective_share(weight_sum_, weight_squares_, sampled_count_);
}

}  // namespace flywheel
