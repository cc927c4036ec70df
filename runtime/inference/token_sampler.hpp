// TokenSampler draws one token from a row of logits.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/inference/engine.hpp"
#include "runtime/inference/kernels.hpp"

namespace flywheel {

constexpr Token no_token = -1;

struct TokenChoice {
  Token token = 0;               // no_token: there is no distribution to draw from
  float log_probability = 0.0f;  // under the full softmax at temperature 1
};

// Scratch memory for draws; one for each thread.
class TokenSampler {
 public:
  // `logits` [round_up(vocabulary, 16)], -infinity beyond the vocabulary. `unit` in [0, 1) decides
  // the draw: the first token, in order of id (or of rank, under top_k or top_p), at which the
  // cumulated probability exceeds it. Greedy takes the first of the largest. top_p keeps the fewest
  // best tokens whose probabilities, after top_k and temperature, add up to at least top_p; equal
  // logits rank by id. no_token where a logit is NaN or +infinity, or none is finite: finite
  // weights can overflow.
  TokenChoice draw(const InferenceKernels& kernels, const float* logits, std::int64_t vocabulary,
                   const SamplingParameters& sampling, double unit);

 private:
  struct Candidate {
    float logit;
    Token token;
  };

  Token draw_from_all(const InferenceKernels& kernels, const float* logits, std::int64_t vocabulary,
                      float best, float scale, double unit);
  Token draw_from_best(const InferenceKernels& kernels, const float* logits,
                       std::int64_t vocabulary, float best, float scale,
                       const SamplingParameters& sampling, double unit);
  double sum_up(const InferenceKernels& kernels, const float* logits, std::int64_t padded,
                float best, float scale);

  std::vector<double> sums_{};
  std::vector<float> chunk_{};
  std::vector<Candidate> candidates_{};
  std::vector<double> weights_{};
};

}  // namespace flywheel
