// Algorithm names the parts of a policy-gradient method by formula; the learner executes the
// per-token weights they give and stays ignorant of names. One table holds them all: see
// algorithm_table() and `flywheel explain`.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"

namespace flywheel {

enum class AdvantageKind : std::uint8_t {
  group_mean_std_unbiased,  // (r - mean) / (std with n-1 + epsilon)      GRPO as TRL and verl have
                            // it
  group_mean_std_biased,    // (r - mean) / (std with n + epsilon)
  group_mean,               // r - mean                                   Dr.GRPO, arXiv 2503.20783
  leave_one_out,            // r_i - mean of the others                   RLOO
};

enum class PolicyLossKind : std::uint8_t {
  policy_gradient,  // -A log pi
  ppo_clip,         // -min(r A, clip(r, 1 - low, 1 + high) A); low and high apart: DAPO
  cispo,            // -sg(clip(r, 1 - low, 1 + high)) A log pi           arXiv 2506.13585
  gspo,             // ppo_clip on the sequence's geometric mean ratio
  decoupled_ppo,    // sg(pi_prox / mu) ppo_clip(pi / pi_prox)            arXiv 2505.24298
};

enum class LossAggregation : std::uint8_t {
  token_mean,        // sum over all tokens of the batch / their number
  sequence_mean,     // mean over sequences of the mean over tokens
  constant_divisor,  // sum / (divisor * number of sequences)         Dr.GRPO
};

enum class KlKind : std::uint8_t { none, k1, k2, k3 };  // Schulman 2020; l = log pi_ref - log pi

struct AlgorithmConfig {
  AdvantageKind advantage = AdvantageKind::group_mean_std_unbiased;
  double advantage_epsilon = 1e-4;
  PolicyLossKind loss = PolicyLossKind::ppo_clip;
  double clip_low = 0.2;
  double clip_high = 0.28;
  LossAggregation aggregation = LossAggregation::token_mean;
  double constant_divisor = 0.0;  // tokens; used by constant_divisor
  KlKind kl = KlKind::none;
  double kl_weight = 0.0;
  double importance_cap =
      0.0;  // truncated importance sampling: weight min(pi_old / mu, cap); 0 = off
  bool drop_uniform_groups =
      true;  // groups whose rewards are all equal carry no gradient and are not computed
};

// A preset by its formula's name, for example "group_mean_std.ppo_clip.token_mean".
struct AlgorithmPreset {
  std::string_view name;
  std::string_view formula;  // as `explain` prints it
  std::string_view source;   // paper and equation
  AlgorithmConfig config;
};
std::span<const AlgorithmPreset> algorithm_table();
Result<AlgorithmConfig> algorithm_named(std::string_view name);  // unknown: names one that is near

// The formula of a configuration in one line, numbers filled in.
std::string explain(const AlgorithmConfig& config);

// Advantages of one group's rewards, in order. All-equal rewards give exact zeros, never NaN.
std::vector<double> advantages(AdvantageKind kind, std::span<const double> rewards, double epsilon);

}  // namespace flywheel
