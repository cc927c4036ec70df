#include "runtime/statistics/pass_at_k.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

namespace flywheel {
namespace {

Result<> check(PassCount task, std::uint64_t k) {
  if (k >= 1 && k <= task.sample_count && task.passed_count <= task.sample_count) return {};
  return fail(
      Failure::invalid_argument,
      fmt::format("k = {} of n = {} samples with c = {} passed is undefined: k must be 1 to "
                  "n, and c at most n",
                  k, task.sample_count, task.passed_count));
}

// C(m, k) / C(n, k) for m <= n, as a product that neither overflows nor cancels.
double choose_ratio(std::uint64_t m, std::uint64_t n, std::uint64_t k) {
  if (m < k) return 0.0;
  double ratio = 1.0;
  for (std::uint64_t i = 0; i < k; ++i)
    ratio *= static_cast<double>(m - i) / static_cast<double>(n - i);
  return ratio;
}

template <class Estimator>
Result<Estimate> mean_over_tasks(std::span<const PassCount> tasks, std::uint64_t k,
                                 double confidence, Estimator estimator) {
  std::vector<Cluster> clusters;
  std::uint64_t sample_count = 0;
  for (const PassCount& task : tasks) {
    FLYWHEEL_TRY(const double value, estimator(task, k));
    clusters.push_back({std::clamp(value, 0.0, 1.0), 1});
    sample_count += task.sample_count;
  }
  FLYWHEEL_TRY(Estimate estimate, rate_over_clusters(clusters, confidence));
  estimate.sample_count = sample_count;
  return estimate;
}

}  // namespace

Result<double> pass_at_k(PassCount task, std::uint64_t k) {
  FLYWHEEL_TRY_VOID(check(task, k));
  return 1.0 - choose_ratio(task.sample_count - task.passed_count, task.sample_count, k);
}

Result<double> pass_all_k(PassCount task, std::uint64_t k) {
  FLYWHEEL_TRY_VOID(check(task, k));
  return choose_ratio(task.passed_count, task.sample_count, k);
}

Result<Estimate> mean_pass_at_k(std::span<const PassCount> tasks, std::uint64_t k,
                                double confidence) {
  return mean_over_tasks(tasks, k, confidence, pass_at_k);
}

Result<Estimate> mean_pass_all_k(std::span<const PassCount> tasks, std::uint64_t k,
                                 double confidence) {
  return mean_over_tasks(tasks, k, confidence, pass_all_k);
}

}  // namespace flywheel
