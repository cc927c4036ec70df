// Losses of one sequence's tokens and their gradients with respect to log pi, as AlgorithmConfig
// states them. The learner executes what comes out and knows no names.
//
// Notation: pi the weights being learned, pi_old the same weights before the step, mu what the
// sampler reported, r = pi / pi_old. sg() lets no gradient through.
#pragma once

#include <cstdint>
#include <span>

#include "runtime/learning/algorithm.hpp"

namespace flywheel {

// The tokens of one sequence that carry loss, in order; all spans have one length, or are empty
// where noted.
struct SequenceTerms {
  std::span<const double> log_pi{};
  std::span<const double> log_pi_old{};
  std::span<const double> log_mu{};      // empty: no sampler, weight 1
  std::span<const double> log_pi_ref{};  // read where a KL term is on
  std::span<const double> advantages{};  // empty: supervised fine-tuning, loss -log pi
};

// What the whole batch contributes to every token's divisor: so a split never matters.
struct BatchTotals {
  std::uint64_t token_count = 0;     // that carry loss
  std::uint64_t sequence_count = 0;  // with at least one such token
};

struct SequenceLoss {
  double loss = 0.0;                // already divided: sums over sequences give the batch's loss
  std::uint64_t clipped_count = 0;  // tokens whose policy gradient was clipped away
};

// Writes d loss / d log pi of each token.
SequenceLoss sequence_loss(const AlgorithmConfig& config, const SequenceTerms& terms,
                           const BatchTotals& totals, std::span<double> gradient);

// What one token of a sequence with `token_count` loss tokens is multiplied by.
double token_divisor_inverse(const AlgorithmConfig& config, std::uint64_t token_count,
                             const BatchTotals& totals);

// True if a token's gradient depends on log pi of other tokens.
bool couples_tokens(const AlgorithmConfig& config);

// pi_old / mu as losses use it: the logarithm is bounded to [-20, 20] as verl does, then `cap` is
// applied (0 = none).
double importance_weight(double log_pi_old, double log_mu, double cap);

// Estimators of KL(pi, pi_ref) from one sample (Schulman 2020), l = log pi_ref - log pi.
double kl_estimate(KlKind kind, double l);
double kl_gradient(KlKind kind, double l);  // with respect to log pi

// (sum w)^2 / (n sum w^2): the share of `count` samples that their weights' unevenness leaves, 1
// where all are the same (Kish 1965) or there are none.
double effective_share(double weight_sum, double weight_squares, std::uint64_t count);

}  // namespace flywheel
