#include "runtime/inference/token_sampler.hpp"

#include <algorithm>
#include <cmath>

namespace flywheel {

// Fills sums_ and returns the sum over the vocabulary of exp((logit - best) * scale).
double TokenSampler::sum_up(const InferenceKernels& kernels, const float* logits,
                            std::int64_t padded, float best, float scale) {
  sums_.resize(static_cast<std::size_t>((padded + exp_chunk - 1) / exp_chunk));
  kernels.exp_sums(logits, padded, best, scale, sums_.data());
  double total = 0.0;
  for (const double sum : sums_) total += sum;
  return total;
}

// Reads sums_ as sum_up left them.
Token TokenSampler::draw_from_all(const InferenceKernels& kernels, const float* logits,
                                  std::int64_t vocabulary, float best, float scale, double unit) {
  double total = 0.0;
  for (const double sum : sums_) total += sum;
  double left = unit * total;
  std::size_t chunk = 0;
  while (chunk + 1 < sums_.size() && left >= sums_[chunk]) left -= sums_[chunk++];
  const std::int64_t begin = static_cast<std::int64_t>(chunk) * exp_chunk;
  const std::int64_t end = std::min(begin + exp_chunk, round_up(vocabulary, 16));
  chunk_.resize(static_cast<std::size_t>(exp_chunk));
  kernels.exps(logits + begin, end - begin, best, scale, chunk_.data());
  // A chunk's sum and the sum of its parts may differ by rounding: the last possible token then
  // wins.
  Token last = static_cast<Token>(begin);
  for (std::int64_t i = begin; i < end; ++i) {
    const double weight = static_cast<double>(chunk_[static_cast<std::size_t>(i - begin)]);
    if (weight <= 0.0) continue;
    last = static_cast<Token>(i);
    if (left < weight) return last;
    left -= weight;
  }
  return last;
}

Token TokenSampler::draw_from_best(const InferenceKernels& kernels, const float* logits,
                                   std::int64_t vocabulary, float best, float scale,
                                   const SamplingParameters& sampling, double unit) {
  const auto ranks_before = [](const Candidate& a, const Candidate& b) {
    return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
  };
  candidates_.clear();
  const bool limits_count =
      sampling.top_k > 0 && static_cast<std::int64_t>(sampling.top_k) < vocabulary;
  float floor = -INFINITY;
  if (!limits_count) {
    // Tokens below (1 - top_p) / vocabulary add up to less than 1 - top_p: none can be kept.
    const double total = sum_up(kernels, logits, round_up(vocabulary, 16), best, scale);
    const double share = (1.0 - sampling.top_p) / static_cast<double>(vocabulary);
    floor = best + static_cast<float>(std::log(share * total * 0.999) / static_cast<double>(scale));
  }
  for (std::int64_t i = 0; i < vocabulary; ++i)
    if (logits[i] >= floor) candidates_.push_back({logits[i], static_cast<Token>(i)});
  if (limits_count) {
    const auto end = candidates_.begin() + static_cast<std::ptrdiff_t>(sampling.top_k);
    std::nth_element(candidates_.begin(), end - 1, candidates_.end(), ranks_before);
    candidates_.erase(end, candidates_.end());
  }
  std::sort(candidates_.begin(), candidates_.end(), ranks_before);

  weights_.clear();
  double total = 0.0;
  for (const Candidate& candidate : candidates_) {
    weights_.push_back(
        std::exp(static_cast<double>(candidate.logit - best) * static_cast<double>(scale)));
    total += weights_.back();
  }
  if (!limits_count) total = sum_up(kernels, logits, round_up(vocabulary, 16), best, scale);
  double kept = 0.0;
  std::size_t count = 0;
  while (count < weights_.size() && (count == 0 || kept < sampling.top_p * total))
    kept += weights_[count++];
  double left = unit * kept;
  for (std::size_t i = 0; i + 1 < count; ++i) {
    if (left < weights_[i]) return candidates_[i].token;
    left -= weights_[i];
  }
  return candidates_[count - 1].token;
}

TokenChoice TokenSampler::draw(const InferenceKernels& kernels, const float* logits,
                               std::int64_t vocabulary, const SamplingParameters& sampling,
                               double unit) {
  const std::int64_t padded = round_up(vocabulary, 16);
  const float best = kernels.maximum(logits, padded);
  const double log_total = std::log(sum_up(kernels, logits, padded, best, 1.0f));
  // The sum is over all logits, so it tells of a NaN anywhere.
  if (!std::isfinite(best) || !std::isfinite(log_total)) return {no_token, 0.0f};
  Token token = 0;
  if (sampling.temperature == 0.0) {
    token = static_cast<Token>(std::find(logits, logits + vocabulary, best) - logits);
    if (token >= vocabulary) token = 0;
  } else {
    const float scale = static_cast<float>(1.0 / sampling.temperature);
    if (sampling.top_p < 1.0 || sampling.top_k > 0) {
      token = draw_from_best(kernels, logits, vocabulary, best, scale, sampling, unit);
    } else {
      if (scale != 1.0f) sum_up(kernels, logits, padded, best, scale);
      token = draw_from_all(kernels, logits, vocabulary, best, scale, unit);
    }
  }
  return {token, static_cast<float>(static_cast<double>(logits[token] - best) - log_total)};
}

}  // namespace flywheel
