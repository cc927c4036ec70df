#include "runtime/learning/algorithm.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "runtime/base/nearest_name.hpp"

namespace flywheel {
namespace {

constexpr AlgorithmConfig with(AdvantageKind advantage, PolicyLossKind loss,
                               LossAggregation aggregation) {
  AlgorithmConfig config;
  config.advantage = advantage;
  config.loss = loss;
  config.aggregation = aggregation;
  return config;
}

constexpr AlgorithmConfig group_sequence() {
  auto config = with(AdvantageKind::group_mean_std_unbiased, PolicyLossKind::gspo,
                     LossAggregation::sequence_mean);
  config.clip_low = 3e-4;
  config.clip_high = 4e-4;
  return config;
}

constexpr AlgorithmConfig constant_length() {
  auto config =
      with(AdvantageKind::group_mean, PolicyLossKind::ppo_clip, LossAggregation::constant_divisor);
  config.clip_high = 0.2;
  config.constant_divisor = 48.0;
  return config;
}

constexpr AlgorithmConfig truncated() {
  auto config = with(AdvantageKind::group_mean_std_unbiased, PolicyLossKind::policy_gradient,
                     LossAggregation::token_mean);
  config.importance_cap = 2.0;
  return config;
}

constexpr AlgorithmConfig decoupled() {
  auto config = with(AdvantageKind::group_mean_std_unbiased, PolicyLossKind::decoupled_ppo,
                     LossAggregation::token_mean);
  config.clip_high = 0.2;
  return config;
}

constexpr auto unbiased = AdvantageKind::group_mean_std_unbiased;
constexpr std::array table{
    AlgorithmPreset{"group_mean_std.ppo_clip.token_mean",
                    "-min(r A, clip(r, 0.8, 1.28) A), A = (R - mean) / (std + e), mean over tokens",
                    "DAPO, arXiv 2503.14476, equations 8 and 9",
                    with(unbiased, PolicyLossKind::ppo_clip, LossAggregation::token_mean)},
    AlgorithmPreset{
        "group_mean_std.ppo_clip.sequence_mean",
        "-min(r A, clip(r, 0.8, 1.28) A), A = (R - mean) / (std + e), mean over sequences",
        "GRPO, arXiv 2402.03300, equation 3",
        with(unbiased, PolicyLossKind::ppo_clip, LossAggregation::sequence_mean)},
    AlgorithmPreset{"group_mean.ppo_clip.constant_divisor",
                    "-min(r A, clip(r, 0.8, 1.2) A), A = R - mean, sum / (48 * sequences)",
                    "Dr.GRPO, arXiv 2503.20783, equation 5", constant_length()},
    AlgorithmPreset{"leave_one_out.policy_gradient.token_mean",
                    "-A log pi, A = R - mean of the others, mean over tokens",
                    "RLOO, arXiv 2402.14740, equation 10",
                    with(AdvantageKind::leave_one_out, PolicyLossKind::policy_gradient,
                         LossAggregation::token_mean)},
    AlgorithmPreset{"group_mean_std.policy_gradient.truncated.token_mean",
                    "-min(pi_old / mu, 2) A log pi, A = (R - mean) / (std + e), mean over tokens",
                    "truncated importance sampling, as SkyRL and verl have it", truncated()},
    AlgorithmPreset{
        "group_mean_std.cispo.token_mean",
        "-sg(clip(r, 0.8, 1.28)) A log pi, A = (R - mean) / (std + e), mean over tokens",
        "CISPO, arXiv 2506.13585, equation 4",
        with(unbiased, PolicyLossKind::cispo, LossAggregation::token_mean)},
    AlgorithmPreset{
        "group_mean_std.gspo.sequence_mean",
        "-min(s A, clip(s, 0.9997, 1.0004) A), s = exp(mean log r), mean over sequences",
        "GSPO, arXiv 2507.18071, equations 5 and 7", group_sequence()},
    AlgorithmPreset{
        "group_mean_std.decoupled_ppo.token_mean",
        "-sg(pi_prox / mu) min(u A, clip(u, 0.8, 1.2) A), u = pi / pi_prox, mean over tokens",
        "AReaL, arXiv 2505.24298, equation 5", decoupled()},
};

std::string explain_advantage(const AlgorithmConfig& config) {
  switch (config.advantage) {
    case AdvantageKind::group_mean_std_unbiased:
      return fmt::format("A = (R - mean) / (std[n-1] + {:g})", config.advantage_epsilon);
    case AdvantageKind::group_mean_std_biased:
      return fmt::format("A = (R - mean) / (std[n] + {:g})", config.advantage_epsilon);
    case AdvantageKind::group_mean:
      return "A = R - mean";
    case AdvantageKind::leave_one_out:
      return "A = R - mean of the others";
  }
  return {};
}

// A batch has one optimiser step, before which pi is pi_old (loss_sums.hpp).
std::string never_clipped(char ratio) {
  return fmt::format(" (one optimiser step a batch: {} = 1, never clipped)", ratio);
}

std::string explain_loss(const AlgorithmConfig& config) {
  const double low = 1 - config.clip_low, high = 1 + config.clip_high;
  switch (config.loss) {
    case PolicyLossKind::policy_gradient:
      return "-A log pi";
    case PolicyLossKind::ppo_clip:
      return fmt::format("-min(r A, clip(r, {:g}, {:g}) A), r = pi / pi_old{}", low, high,
                         never_clipped('r'));
    case PolicyLossKind::cispo:
      return fmt::format("-sg(clip(r, {:g}, {:g})) A log pi, r = pi / pi_old{}", low, high,
                         never_clipped('r'));
    case PolicyLossKind::gspo:
      return fmt::format("-min(s A, clip(s, {:g}, {:g}) A), s = exp(mean log(pi / pi_old)){}", low,
                         high, never_clipped('s'));
    case PolicyLossKind::decoupled_ppo:
      return fmt::format("-sg(pi_prox / mu) min(u A, clip(u, {:g}, {:g}) A), u = pi / pi_prox{}",
                         low, high, never_clipped('u'));
  }
  return {};
}

std::string explain_aggregation(const AlgorithmConfig& config) {
  switch (config.aggregation) {
    case LossAggregation::token_mean:
      return "sum over tokens / tokens of the batch";
    case LossAggregation::sequence_mean:
      return "mean over sequences of the mean over tokens";
    case LossAggregation::constant_divisor:
      return fmt::format("sum over tokens / ({:g} * sequences)", config.constant_divisor);
  }
  return {};
}

std::string explain_kl(const AlgorithmConfig& config) {
  if (config.kl == KlKind::none || config.kl_weight == 0) return {};
  const char* formula = config.kl == KlKind::k1   ? "-l"
                        : config.kl == KlKind::k2 ? "l^2 / 2"
                                                  : "exp(l) - 1 - l";
  return fmt::format("; + {:g} ({}), l = log pi_ref - log pi", config.kl_weight, formula);
}

}  // namespace

std::span<const AlgorithmPreset> algorithm_table() {
  return table;
}

Result<AlgorithmConfig> algorithm_named(std::string_view name) {
  const auto found = std::find_if(table.begin(), table.end(), [&](const AlgorithmPreset& preset) {
    return preset.name == name;
  });
  if (found != table.end()) return found->config;
  std::array<std::string_view, table.size()> names;
  std::ranges::transform(table, names.begin(), &AlgorithmPreset::name);
  const auto nearest = nearest_name(names, name);
  return fail(Failure::invalid_argument,
              fmt::format("algorithm: '{}' is unknown; {}", name,
                          nearest.empty() ? "`flywheel explain` lists them"
                                          : fmt::format("did you mean '{}'?", nearest)));
}

std::string explain(const AlgorithmConfig& config) {
  std::string weight;
  if (config.importance_cap > 0)
    weight = fmt::format("min({} / mu, {:g}) * ",
                         config.loss == PolicyLossKind::decoupled_ppo ? "pi_prox" : "pi_old",
                         config.importance_cap);
  return fmt::format("loss = {}[{}]; {}; {}{}", weight, explain_loss(config),
                     explain_advantage(config), explain_aggregation(config), explain_kl(config));
}

std::vector<double> advantages(AdvantageKind kind, std::span<const double> rewards,
                               double epsilon) {
  std::vector<double> result(rewards.size(), 0.0);
  const auto [low, high] = std::minmax_element(rewards.begin(), rewards.end());
  if (rewards.empty() || *low == *high) return result;  // a mean would leave rounding behind
  const double n = static_cast<double>(rewards.size());
  const double mean = std::accumulate(rewards.begin(), rewards.end(), 0.0) / n;
  double squares = 0.0;
  for (const double reward : rewards) squares += (reward - mean) * (reward - mean);
  double divisor = 1.0;
  if (kind == AdvantageKind::group_mean_std_unbiased)
    divisor = std::sqrt(squares / (n - 1)) + epsilon;
  else if (kind == AdvantageKind::group_mean_std_biased)
    divisor = std::sqrt(squares / n) + epsilon;
  else if (kind == AdvantageKind::leave_one_out)
    divisor = (n - 1) / n;  // r - mean of the others = n / (n - 1) (r - mean)
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = (rewards[i] - mean) / divisor;
  return result;
}

}  // namespace flywheel
