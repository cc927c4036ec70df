#include "tests/unit/actors/mixed_weights.hpp"

#include "runtime/model/weights.hpp"

namespace flywheel::testing {

WeightsHandle with_tensor_of(const WeightsHandle& weights, const WeightsHandle& other,
                             const std::string& name) {
  auto mixed = std::make_shared<Weights>(*weights);
  mixed->tensors.at(name) = other->tensors.at(name);
  return mixed;
}

}  // namespace flywheel::testing
