// Rates and their differences with intervals, where several samples may come from one task.
//
// Samples of one task resemble each other, so tasks, not samples, are the unit of chance: every
// interval here but wilson_interval() treats a task as a cluster (Miller 2024, arXiv 2411.00640).
// All values must be finite; whatever is undefined (no samples, k above n) is an error, never a 0.
#pragma once

#include <cstdint>
#include <span>

#include "runtime/base/result.hpp"

namespace flywheel {

inline constexpr double usual_confidence = 0.95;

struct Interval {
  double low = 0.0;
  double high = 0.0;
};

struct Estimate {
  double value = 0.0;
  Interval interval{};
  double confidence = usual_confidence;
  std::uint64_t cluster_count = 0;  // tasks
  std::uint64_t sample_count = 0;
};

// The samples of one task.
struct Cluster {
  double sum = 0.0;
  std::uint64_t count = 0;  // at least 1
};

// The same task under two checkpoints.
struct PairedCluster {
  Cluster before{};
  Cluster after{};
};

// Score interval of a share of independent samples (Wilson 1927; Brown, Cai and DasGupta 2001, eq.
// 4).
Result<Interval> wilson_interval(std::uint64_t passed, std::uint64_t count,
                                 double confidence = usual_confidence);

// Mean of values in [0, 1], pass rates above all: the score interval at the effective number of
// samples mean (1 - mean) / (standard error)^2, with Student's t for z (Korn and Graubard 1998;
// Dean and Pagano 2015). The standard error is the cluster-robust one, sqrt(G / (G - 1) * sum_g
// (sum_g - mean * n_g)^2) / N (Cameron and Miller 2015, eq. 10 to 12, for a mean). The interval
// stays inside [0, 1], and where all values are the same (the standard error says nothing) it
// counts each cluster once. Needs one cluster.
Result<Estimate> rate_over_clusters(std::span<const Cluster> clusters,
                                    double confidence = usual_confidence);

// Mean over tasks of (task's rate after - task's rate before), tasks weighing the same (Miller
// 2024, section 4). The interval is that of rate_over_clusters() for the shares (difference + 1) /
// 2, so it stays inside [-1, 1], and equal differences of a few tasks are no certainty; but tasks
// that hardly change are worth more samples than there are. Needs two tasks.
Result<Estimate> paired_difference(std::span<const PairedCluster> tasks,
                                   double confidence = usual_confidence);

}  // namespace flywheel
