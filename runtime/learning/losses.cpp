#include "runtime/learning/losses.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "runtime/base/check.hpp"

namespace flywheel {
namespace {

// Value and derivative with respect to the ratio of -min(r A, clip(r, low, high) A).
struct Clipped {
  double loss, slope;
  bool is_clipped;
};

Clipped clipped_loss(const AlgorithmConfig& config, double ratio, double advantage) {
  const double bounded = std::clamp(ratio, 1.0 - config.clip_low, 1.0 + config.clip_high);
  if (bounded * advantage < ratio * advantage) return {-bounded * advantage, 0.0, true};
  return {-ratio * advantage, -advantage, false};
}

// Loss of token t and its gradient, before weights and divisors; not for coupled losses.
Clipped token_loss(const AlgorithmConfig& config, const SequenceTerms& terms, std::size_t t) {
  const double advantage = terms.advantages[t];
  const double ratio = std::exp(terms.log_pi[t] - terms.log_pi_old[t]);
  switch (config.loss) {
    case PolicyLossKind::policy_gradient:
      return {-advantage * terms.log_pi[t], -advantage, false};
    case PolicyLossKind::cispo: {
      const double bounded = std::clamp(ratio, 1.0 - config.clip_low, 1.0 + config.clip_high);
      return {-bounded * advantage * terms.log_pi[t], -bounded * advantage, false};
    }
    default: {
      auto clipped = clipped_loss(config, ratio, advantage);
      clipped.slope *= ratio;  // d ratio / d log pi = ratio
      return clipped;
    }
  }
}

double policy_weight(const AlgorithmConfig& config, const SequenceTerms& terms, std::size_t t) {
  const bool is_on = config.importance_cap > 0 || config.loss == PolicyLossKind::decoupled_ppo;
  if (!is_on || terms.log_mu.empty()) return 1.0;
  return importance_weight(terms.log_pi_old[t], terms.log_mu[t], config.importance_cap);
}

// GSPO: one ratio s = exp(mean log r) for all tokens, so each token's gradient holds every token's
// slope.
SequenceLoss coupled_loss(const AlgorithmConfig& config, const SequenceTerms& terms,
                          std::span<double> gradient) {
  const auto count = terms.log_pi.size();
  double mean = 0.0;
  for (std::size_t t = 0; t < count; ++t) mean += terms.log_pi[t] - terms.log_pi_old[t];
  const double ratio = std::exp(mean / static_cast<double>(count));
  SequenceLoss total;
  double slope = 0.0;
  for (std::size_t t = 0; t < count; ++t) {
    const double weight = policy_weight(config, terms, t);
    const auto clipped = clipped_loss(config, ratio, terms.advantages[t]);
    total.loss += weight * clipped.loss;
    slope += weight * clipped.slope;
    total.clipped_count += clipped.is_clipped ? 1 : 0;
  }
  std::fill(gradient.begin(), gradient.end(), slope * ratio / static_cast<double>(count));
  return total;
}

SequenceLoss policy_loss(const AlgorithmConfig& config, const SequenceTerms& terms,
                         std::span<double> gradient) {
  if (couples_tokens(config)) return coupled_loss(config, terms, gradient);
  SequenceLoss total;
  for (std::size_t t = 0; t < terms.log_pi.size(); ++t) {
    const double weight = policy_weight(config, terms, t);
    const auto token = token_loss(config, terms, t);
    total.loss += weight * token.loss;
    gradient[t] = weight * token.slope;
    total.clipped_count += token.is_clipped ? 1 : 0;
  }
  return total;
}

}  // namespace

SequenceLoss sequence_loss(const AlgorithmConfig& config, const SequenceTerms& terms,
                           const BatchTotals& totals, std::span<double> gradient) {
  const auto count = terms.log_pi.size();
  FLYWHEEL_CHECK(gradient.size() == count);
  SequenceLoss total;
  if (count == 0) return total;
  if (terms.advantages.empty()) {
    for (std::size_t t = 0; t < count; ++t) total.loss -= terms.log_pi[t];
    std::fill(gradient.begin(), gradient.end(), -1.0);
  } else {
    total = policy_loss(config, terms, gradient);
  }
  if (config.kl != KlKind::none && !terms.log_pi_ref.empty())
    for (std::size_t t = 0; t < count; ++t) {
      const double l = terms.log_pi_ref[t] - terms.log_pi[t];
      total.loss += config.kl_weight * kl_estimate(config.kl, l);
      gradient[t] += config.kl_weight * kl_gradient(config.kl, l);
    }
  const double factor = token_divisor_inverse(config, count, totals);
  total.loss *= factor;
  for (double& slope : gradient) slope *= factor;
  return total;
}

double token_divisor_inverse(const AlgorithmConfig& config, std::uint64_t token_count,
                             const BatchTotals& totals) {
  const auto sequences = static_cast<double>(totals.sequence_count);
  switch (config.aggregation) {
    case LossAggregation::token_mean:
      return 1.0 / static_cast<double>(totals.token_count);
    case LossAggregation::sequence_mean:
      return 1.0 / (static_cast<double>(token_count) * sequences);
    case LossAggregation::constant_divisor:
      return 1.0 / (config.constant_divisor * sequences);
  }
  return 0.0;
}

bool couples_tokens(const AlgorithmConfig& config) {
  return config.loss == PolicyLossKind::gspo;
}

double importance_weight(double log_pi_old, double log_mu, double cap) {
  const double weight = std::exp(std::clamp(log_pi_old - log_mu, -20.0, 20.0));
  return cap > 0 ? std::min(weight, cap) : weight;
}

double kl_estimate(KlKind kind, double l) {
  switch (kind) {
    case KlKind::k1:
      return -l;
    case KlKind::k2:
      return l * l / 2;
    case KlKind::k3:
      return std::expm1(l) - l;
    case KlKind::none:
      break;
  }
  return 0.0;
}

double kl_gradient(KlKind kind, double l) {
  switch (kind) {
    case KlKind::k1:
      return 1.0;
    case KlKind::k2:
      return -l;
    case KlKind::k3:
      return -std::expm1(l);
    case KlKind::none:
      break;
  }
  return 0.0;
}

double effective_share(double weight_sum, double weight_squares, std::uint64_t count) {
  if (!(weight_squares > 0)) return 1.0;
  return weight_sum * weight_sum / (static_cast<double>(count) * weight_squares);
}

}  // namespace flywheel
