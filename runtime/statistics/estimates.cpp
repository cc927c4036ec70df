#include "runtime/statistics/estimates.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include <fmt/format.h>

#include "runtime/statistics/quantiles.hpp"

namespace flywheel {
namespace {

// What tasks that are all the same may still differ by: far below one sample in a million tasks.
constexpr double error2_of_rounding = 1e-24;

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

Result<> check_rates(std::span<const Cluster> clusters) {
  for (const Cluster& cluster : clusters)
    if (!(cluster.sum >= 0.0 && cluster.sum <= static_cast<double>(cluster.count)))
      return fail(Failure::invalid_argument, "a rate is of values between 0 and 1");
  return {};
}

// The clusters' rate with the score interval at its effective number of samples, of at most
// `effective_count_max`.
Estimate score_estimate(std::span<const Cluster> clusters, const Totals& totals, double confidence,
                        double effective_count_max) {
  const double rate = std::clamp(totals.mean(), 0.0, 1.0);
  const double error2 = clusters.size() < 2 ? 0.0 : squared_error(clusters, totals);
  auto effective_count = static_cast<double>(clusters.size());
  if (error2 > error2_of_rounding && rate > 0.0 && rate < 1.0)
    effective_count = std::clamp(rate * (1.0 - rate) / error2, 1.0, effective_count_max);
  const double t = clusters.size() < 2 ? normal_quantile(0.5 + confidence / 2.0)
                                       : critical_t(confidence, clusters.size());
  return {rate, score_interval(rate, effective_count, t), confidence, clusters.size(),
          static_cast<std::uint64_t>(totals.count)};
}

}  // namespace

Result<Interval> wilson_interval(std::uint64_t passed, std::uint64_t count, double confidence) {
  FLYWHEEL_TRY_VOID(check_confidence(confidence));
  if (count == 0 || passed > count)
    return fail(Failure::invalid_argument,
                fmt::format("{} of {} samples is no pass rate", passed, count));
  const double samples = static_cast<double>(count);
  return score_interval(static_cast<double>(passed) / samples, samples,
                        normal_quantile(0.5 + confidence / 2.0));
}

Result<Estimate> rate_over_clusters(std::span<const Cluster> clusters, double confidence) {
  FLYWHEEL_TRY_VOID(check_confidence(confidence));
  FLYWHEEL_TRY(const Totals totals, totals_of(clusters, 1));
  FLYWHEEL_TRY_VOID(check_rates(clusters));
  // Samples that are 0 or 1 can't be worth more than they are.
  return score_estimate(clusters, totals, confidence, totals.count);
}

Result<Estimate> paired_difference(std::span<const PairedCluster> tasks, double confidence) {
  FLYWHEEL_TRY_VOID(check_confidence(confidence));
  std::vector<Cluster> shares;
  shares.reserve(tasks.size());
  std::uint64_t sample_count = 0;
  for (const PairedCluster& task : tasks) {
    if (task.before.count == 0 || task.after.count == 0)
      return fail(Failure::invalid_argument, "a task has samples on one side only");
    const std::array sides{task.before, task.after};
    FLYWHEEL_TRY_VOID(check_rates(sides));
    const double difference = task.after.sum / static_cast<double>(task.after.count) -
                              task.before.sum / static_cast<double>(task.before.count);
    shares.push_back({(difference + 1.0) / 2.0, 1});
    sample_count += task.before.count + task.after.count;
  }
  FLYWHEEL_TRY(const Totals totals, totals_of(shares, 2));
  const auto difference_of = [](double share) { return 2.0 * share - 1.0; };
  Estimate estimate =
      score_estimate(shares, totals, confidence, std::numeric_limits<double>::infinity());
  estimate.value = difference_of(estimate.value);
  estimate.interval = {difference_of(estimate.interval.low), difference_of(estimate.interval.high)};
  estimate.sample_count = sample_count;
  return estimate;
}

}  // namespace flywheel
