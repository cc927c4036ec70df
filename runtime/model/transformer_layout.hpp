// ParameterLayout places all of a model's parameters in one flat buffer, so that optimiser, norms,
// hashes and precision changes are single passes over memory. Query, key and value weights lie side
// by side, and gate and up, so that each group is one matrix to multiply with.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/model/model_config.hpp"

namespace flywheel {

struct ParameterSlot {
  std::string name{};  // as Hugging Face has it
  std::vector<std::int64_t> shape{};
  std::int64_t offset = 0;  // elements from the start of the buffer
  std::int64_t count = 0;
  bool decays = true;  // weight decay leaves norms and biases alone
};

struct LayerOffsets {
  std::int64_t input_norm = 0, qkv = 0, qkv_bias = -1, query_norm = -1, key_norm = -1, output = 0;
  std::int64_t post_norm = 0, gate_up = 0, down = 0;
};

struct ParameterLayout {
  explicit ParameterLayout(const ModelConfig& config);

  std::vector<ParameterSlot> slots{};  // by offset
  std::vector<LayerOffsets> layers{};
  std::int64_t embedding = 0, final_norm = 0;
  std::int64_t head = 0;  // the embedding's where they are tied
  std::int64_t size = 0;  // elements; gaps between slots hold zeros

 private:
  std::int64_t place(std::string name, std::vector<std::int64_t> shape, bool follows = false);
};

}  // namespace flywheel
