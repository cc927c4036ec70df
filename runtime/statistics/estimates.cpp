#include "runtime/statistics/estimates.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "runtime/statistics/quantiles.hpp"

namespace flywheel {
namespace {

Result<> check_confidence(double confidence) {
  if (confidence > 0.0 && confidence < 1.0) return {};
  return fail(
      Failure::invalid_argument,
      fmt::format("a confidence of {} is impossible: it must lie between 0 and 1", confidence));
}

// Sums, and what is wrong with the clusters if they can't be used.
struct Totals {
  double sum = 0.0;
  double count = 0.0;
  double mean() const { return sum / count; }
};

Result<Totals> totals_of(std::span<const Cluster> clusters, std::size_t clusters_min) {
  if (clusters.size() < clusters_min)
    return fail(Failure::invalid_argument,
                fmt::format("{} tasks are too few for an interval: {} are needed", clusters.size(),
                            clusters_min));
  Totals totals;
  for (const Cluster& cluster : clusters) {
    if (cluster.count == 0 || !std::isfinite(cluster.sum))
      return fail(Failure::invalid_argument,
                  "a task has no samples, or a value that is not finite");
    totals.sum += cluster.sum;
    totals.count += static_cast<double>(cluster.count);
  }
  return totals;
}

double squared_error(std::span<const Cluster> clusters, const Totals& totals) {
  double squares = 0.0;
  for (const Cluster& cluster : clusters) {
    const double residual = cluster.sum - totals.mean() * static_cast<double>(cluster.count);
    squares += residual * residual;
  }
  const auto group_count = static_cast<double>(clusters.size());
  return group_count / (group_count - 1.0) * squares / (totals.count * totals.count);
}

double critical_t(double confidence, std::size_t cluster_count) {
  const auto degrees = static_cast<double>(std::max<std::size_t>(cluster_count, 2) - 1);
  return student_t_quantile(0.5 + confidence / 2.0, degrees);
}

// The score interval around `share` of `count` samples (not a whole number where it is effective).
Interval score_interval(double share, double count, double z) {
  const double z2 = z * z;
  const double centre = (share + z2 / (2.0 * count)) / (1.0 + z2 / count);
  const double half = z / (1.0 + z2 / count) *
                      std::sqrt(share * (1.0 - share) / count + z2 / (4.0 * count * count));
  return {share <= 0.0 ? 0.0 : std::max(0.0, centre - half),
          share >= 1.0 ? 1.0 : std::min(1.0, centre + half)};
}

Estimate estimate_of(double value, Interval interval, double confidence,
                     std::span<const Cluster> clusters, const Totals& totals) {
  return {value, interval, confidence, clusters.size(), static_cast<std::uint64_t>(totals.count)};
}

}  // namespace

OrderedJson to_json(const Estimate& estimate) {
  return {{"value", estimate.value},         {"low", estimate.interval.low},
          {"high", estimate.interval.high},  {"confidence", estimate.confidence},
          {"tasks", estimate.cluster_count}, {"samples", estimate.sample_count}};
}

Result<Interval> wilson_interval(std::uint64_t passed, std::uint64_t count, double confidence) {
  FLYWHEEL_TRY_VOID(check_confidence(confidence));
  if (count == 0 || passed > count)
    return fail(Failure::invalid_argument,
                fmt::format("{} of {} samples is no pass rate", passed, count));
  const double samples = static_cast<double>(count);
  return score_interval(static_cast<double>(passed) / samples, samples,
                        normal_quantile(0.5 + confidence / 2.0));
}

Result<Estimate> mean_over_clusters(std::span<const Cluster> clusters, double confidence) {
  FLYWHEEL_TRY_VOID(check_confidence(confidence));
  FLYWHEEL_TRY(const Totals totals, totals_of(clusters, 2));
  const double half =
      critical_t(confidence, clusters.size()) * std::sqrt(squared_error(clusters, totals));
  return estimate_of(totals.mean(), {totals.mean() - half, totals.mean() + half}, confidence,
                     clusters, totals);
}

Result<Estimate> rate_over_clusters(std::span<const Cluster> clusters, double confidence) {
  FLYWHEEL_TRY_VOID(check_confidence(confidence));
  FLYWHEEL_TRY(const Totals totals, totals_of(clusters, 1));
  for (const Cluster& cluster : clusters)
    if (cluster.sum < 0.0 || cluster.sum > static_cast<double>(cluster.count))
      return fail(Failure::invalid_argument, "a rate is of values between 0 and 1");
  const double rate = std::clamp(totals.mean(), 0.0, 1.0);
  const auto cluster_count = static_cast<double>(clusters.size());
  const double error2 = clusters.size() < 2 ? 0.0 : squared_error(clusters, totals);
  double effective_count = cluster_count;
  if (error2 > 0.0 && rate > 0.0 && rate < 1.0)
    effective_count = std::clamp(rate * (1.0 - rate) / error2, 1.0, totals.count);
  const double t = clusters.size() < 2 ? normal_quantile(0.5 + confidence / 2.0)
                                       : critical_t(confidence, clusters.size());
  return estimate_of(rate, score_interval(rate, effective_count, t), confidence, clusters, totals);
}

Result<Estimate> bootstrap_over_clusters(std::span<const Cluster> clusters,
                                         const BootstrapConfig& config) {
  FLYWHEEL_TRY_VOID(check_confidence(config.confidence));
  FLYWHEEL_TRY(const Totals totals, totals_of(clusters, 2));
  if (config.resample_count < 100)
    return fail(Failure::invalid_argument, "a bootstrap needs at least 100 resamples");
  Random random{config.key};
  std::vector<double> means(config.resample_count);
  for (double& mean : means) {
    Totals drawn;
    for (std::size_t i = 0; i < clusters.size(); ++i) {
      const Cluster& cluster = clusters[random.below(clusters.size())];
      drawn.sum += cluster.sum;
      drawn.count += static_cast<double>(cluster.count);
    }
    mean = drawn.mean();
  }
  std::sort(means.begin(), means.end());
  // Linear interpolation between order statistics (Hyndman and Fan 1996, definition 7).
  const auto quantile = [&](double probability) {
    const double place = probability * static_cast<double>(means.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, means.size() - 1);
    return means[below] + (place - static_cast<double>(below)) * (means[above] - means[below]);
  };
  const double tail = 0.5 - config.confidence / 2.0;
  return estimate_of(totals.mean(), {quantile(tail), quantile(1.0 - tail)}, config.confidence,
                     clusters, totals);
}

Result<Estimate> paired_difference(std::span<const PairedCluster> tasks, double confidence) {
  std::vector<Cluster> differences;
  std::uint64_t sample_count = 0;
  for (const PairedCluster& task : tasks) {
    if (task.before.count == 0 || task.after.count == 0)
      return fail(Failure::invalid_argument, "a task has samples on one side only");
    differences.push_back({task.after.sum / static_cast<double>(task.after.count) -
                               task.before.sum / static_cast<double>(task.before.count),
                           1});
    sample_count += task.before.count + task.after.count;
  }
  FLYWHEEL_TRY(Estimate estimate, mean_over_clusters(differences, confidence));
  estimate.sample_count = sample_count;
  return estimate;
}

Result<double> effective_sample_share(std::span<const double> weights) {
  double sum = 0.0;
  double squares = 0.0;
  for (const double weight : weights) {
    if (!std::isfinite(weight) || weight < 0.0)
      return fail(Failure::invalid_argument, "a weight is negative or not finite");
    sum += weight;
    squares += weight * weight;
  }
  if (squares == 0.0)
    return fail(Failure::invalid_argument, "there are no weights, or all of them are 0");
  return sum * sum / (static_cast<double>(weights.size()) * squares);
}

}  // namespace flywheel
