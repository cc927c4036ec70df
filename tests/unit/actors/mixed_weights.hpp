// Weights that are wrong in one tensor: what a lost or late copy leaves behind.
#pragma once

#include <string>

#include "runtime/model/weights_handle.hpp"

namespace flywheel::testing {

// `weights` with the tensor `name` of `other`.
WeightsHandle with_tensor_of(const WeightsHandle& weights, const WeightsHandle& other,
                             const std::string& name);

}  // namespace flywheel::testing
