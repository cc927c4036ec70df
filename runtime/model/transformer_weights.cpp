// Weights in and out of the flat buffer, rotary tables, and the plain way to a sequence's logits.
#include <cmath>

#include <torch/types.h>

#include "runtime/model/rope_frequencies.hpp"
#include "runtime/model/transformer.hpp"
#include "runtime/model/transformer_gemm.hpp"
#include "runtime/model/weights.hpp"

namespace flywheel {
namespace {

torch::ScalarType type_of(Precision precision) {
  return precision == Precision::float32 ? torch::kFloat : torch::kBFloat16;
}

}  // namespace

torch::Tensor rotary_table(const ModelConfig& config, std::int64_t position_count) {
  const auto half = config.head_size / 2;
  auto table = torch::empty({2, position_count, half}, torch::kFloat);
  auto values = table.accessor<float, 3>();
  const auto frequencies = rope_frequencies(config);
  for (std::int64_t position = 0; position < position_count; ++position)
    for (std::int64_t i = 0; i < half; ++i) {
      const double angle = static_cast<double>(position) * frequencies[static_cast<std::size_t>(i)];
      values[0][position][i] = static_cast<float>(std::cos(angle));
      values[1][position][i] = static_cast<float>(std::sin(angle));
    }
  return table;
}

Result<> copy_weights(const WeightsHandle& weights, const ParameterLayout& layout,
                      const torch::Tensor& flat) {
  const torch::NoGradGuard no_grad;
  for (const auto& slot : layout.slots) {
    const auto found = weights->tensors.find(slot.name);
    if (found == weights->tensors.end())
      return fail(Failure::invalid_input, "weights: tensor '" + slot.name + "' is missing");
    if (found->second.sizes() != torch::IntArrayRef{slot.shape})
      return fail(Failure::invalid_input, "weights: tensor '" + slot.name +
                                              "' does not have the shape that the model's "
                                              "configuration states");
    flat.narrow(0, slot.offset, slot.count).view(slot.shape).copy_(found->second);
  }
  return {};
}

WeightsHandle weights_from_flat(const ModelConfig& config, const ParameterLayout& layout,
                                const torch::Tensor& flat, Precision precision) {
  const torch::NoGradGuard no_grad;
  auto weights = std::make_shared<Weights>();
  weights->config = config;
  const auto copy =
      flat.to(type_of(precision), false, true);  // one buffer, which all tensors share
  for (const auto& slot : layout.slots)
    weights->tensors[slot.name] = copy.narrow(0, slot.offset, slot.count).view(slot.shape);
  return weights;
}

Result<torch::Tensor> sequence_logits(const WeightsHandle& weights, Precision precision,
                                      std::span<const Token> tokens) {
  const auto& config = weights->config;
  if (tokens.empty()) return fail(Failure::invalid_argument, "logits: the sequence is empty");
  for (const Token token : tokens)
    if (token < 0 || token >= config.vocabulary_size)
      return fail(Failure::invalid_argument,
                  "logits: token " + std::to_string(token) + " is outside the vocabulary");
  try {
    const torch::NoGradGuard no_grad;
    const auto model = make_transformer(config, precision);
    FLYWHEEL_TRY_VOID(copy_weights(weights, model->layout(), model->parameters()));
    const auto hidden = model->forward(make_forest(std::span{&tokens, 1}), false);
    auto logits = torch::empty({hidden.size(0), config.vocabulary_size}, torch::kFloat);
    LogitWeight head;
    head.refresh(model->head());
    head.multiply(hidden, logits);
    return logits;
  } catch (const c10::Error& error) {
    return fail(Failure::internal, std::string{"logits: "} + error.what_without_backtrace());
  }
}

}  // namespace flywheel
