// The decoder written plainly with LibTorch's operators and its autograd, one sequence at a time:
// what the packed transformer is checked against. Also small models to check with.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <torch/types.h>

#include "runtime/learning/trainer.hpp"
#include "runtime/model/weights.hpp"

namespace flywheel {

using NamedTensors = std::map<std::string, torch::Tensor>;

ModelConfig tiny_config();       // llama, tied, grouped queries, sizes that are no multiple of 16
ModelConfig tiny_qwen_config();  // QKV bias, QK norm, untied, llama3 rope scaling

// normal(0, 0.2) for matrices and biases, 1 + normal(0, 0.2) for norms: nothing is near zero.
WeightsHandle lively_weights(const ModelConfig& config, std::uint64_t seed);

// Leaves that require gradients, of the given type.
NamedTensors leaves_of(const WeightsHandle& weights, torch::ScalarType type);

// [tokens, vocabulary] of one sequence, in the leaves' type.
torch::Tensor naive_logits(const ModelConfig& config, const NamedTensors& leaves,
                           const std::vector<Token>& tokens);

// Log-probability of each token given those before it, [tokens]; entry 0 is 0.
torch::Tensor naive_log_probabilities(const ModelConfig& config, const NamedTensors& leaves,
                                      const std::vector<Token>& tokens);

std::vector<Token> random_tokens(const ModelConfig& config, std::uint64_t seed, std::size_t count);

}  // namespace flywheel
