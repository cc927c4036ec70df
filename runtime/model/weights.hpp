// Weights are a model's tensors by their Hugging Face names, immutable once shared.
//
// Names: model.embed_tokens.weight [vocabulary, hidden], model.layers.N.{input_layernorm,
// post_attention_layernorm}.weight, model.layers.N.self_attn.{q,k,v,o}_proj.{weight,bias},
// model.layers.N.self_attn.{q,k}_norm.weight, model.layers.N.mlp.{gate,up,down}_proj.weight,
// model.norm.weight, lm_head.weight (absent when tied). Linear weights are [out, in].
#pragma once

#include <map>
#include <memory>
#include <string>

#include <torch/types.h>

#include "runtime/base/hash.hpp"
#include "runtime/model/model_config.hpp"
#include "runtime/model/weights_handle.hpp"

namespace flywheel {

struct Weights {
  ModelConfig config{};
  std::map<std::string, torch::Tensor> tensors{};  // contiguous, on the CPU unless said otherwise
};

}  // namespace flywheel
