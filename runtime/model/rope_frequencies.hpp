// Angular frequencies of rotary positions, Llama-3 scaling included.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "runtime/model/model_config.hpp"

namespace flywheel {

// head_size / 2 frequencies in radians a token: theta^(-2i / head_size) (Su et al. 2021,
// section 3.2.2), and where the model scales, as Llama 3.1 defines it: waves longer than original /
// low_factor are slowed by `factor`, those shorter than original / high_factor are kept, between
// them is a blend.
inline std::vector<double> rope_frequencies(const ModelConfig& config) {
  std::vector<double> frequencies(static_cast<std::size_t>(config.head_size / 2));
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    double& frequency = frequencies[i];
    frequency = std::pow(config.rope_theta,
                         -2.0 * static_cast<double>(i) / static_cast<double>(config.head_size));
    if (!config.rope_scaling) continue;
    const RopeScaling& scaling = *config.rope_scaling;
    const double low = scaling.low_frequency_factor, high = scaling.high_frequency_factor;
    const double waves =
        static_cast<double>(scaling.original_context_length) * frequency / (2 * std::numbers::pi);
    const double kept = std::clamp((waves - low) / (high - low), 0.0, 1.0);
    frequency *= kept + (1 - kept) / scaling.factor;
  }
  return frequencies;
}

}  // namespace flywheel
