// The tensors that a model of a shape has: names as in weights.hpp, shapes outermost first.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/model/model_config.hpp"

namespace flywheel {

std::map<std::string, std::vector<std::int64_t>> tensor_shapes(const ModelConfig& config);

}  // namespace flywheel
