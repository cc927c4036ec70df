// pass@k and pass^k: what k tries are worth, and how sure k tries in a row are.
#pragma once

#include <cstdint>
#include <span>

#include "runtime/base/result.hpp"
#include "runtime/statistics/estimates.hpp"

namespace flywheel {

// Samples of one task and how many of them passed.
struct PassCount {
  std::uint64_t sample_count = 0;
  std::uint64_t passed_count = 0;
};

// The chance that at least one of k samples passes, estimated without bias from n >= k samples:
// 1 - C(n - c, k) / C(n, k) (Chen et al. 2021, arXiv 2107.03374, eq. 1). invalid_argument for k of
// 0, k above n, or c above n.
Result<double> pass_at_k(PassCount task, std::uint64_t k);

// The chance that all of k samples pass: C(c, k) / C(n, k) (Yao et al. 2024, arXiv 2406.12045,
// section 3.3). Errors as above.
Result<double> pass_all_k(PassCount task, std::uint64_t k);

// Their means over tasks, each task weighing the same, with the interval of rate_over_clusters().
// A task with fewer than k samples is an error.
Result<Estimate> mean_pass_at_k(std::span<const PassCount> tasks, std::uint64_t k,
                                double confidence = usual_confidence);
Result<Estimate> mean_pass_all_k(std::span<const PassCount> tasks, std::uint64_t k,
                                 double confidence = usual_confidence);

}  // namespace flywheel
