// WeightsHandle lets code without torch headers hold, pass on and compare weights.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "runtime/base/hash.hpp"
#include "runtime/base/result.hpp"
#include "runtime/model/model_config.hpp"

namespace flywheel {

struct Weights;
using WeightsHandle = std::shared_ptr<const Weights>;  // local to the process, immutable

enum class Precision : std::uint8_t { float32 = 0, bfloat16 = 1 };
const char* to_string(Precision precision);

// bfloat16 where the CPU multiplies it fast (AVX512-BF16 or AMX), else float32.
Precision fastest_precision();

const ModelConfig& config_of(const WeightsHandle& weights);

// Hash of each tensor's bytes (with its name, type and shape), and of all of them in name order.
std::map<std::string, Hash128> tensor_hashes(const WeightsHandle& weights);
Hash128 content_hash(const WeightsHandle& weights);

// The same weights in another precision; the same handle if nothing changes.
WeightsHandle convert(const WeightsHandle& weights, Precision precision);

// Random weights of a shape, for tests and the bundled tiny model: normal(0, 0.02), norms 1.
WeightsHandle random_weights(const ModelConfig& config, std::uint64_t seed);

}  // namespace flywheel
