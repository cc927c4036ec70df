#include "runtime/model/transformer_layout.hpp"

#include <functional>
#include <numeric>
#include <utility>

namespace flywheel {

std::int64_t ParameterLayout::place(std::string name, std::vector<std::int64_t> shape,
                                    bool follows) {
  constexpr std::int64_t alignment = 32;  // elements: 64 bytes in bfloat16
  if (!follows) size = (size + alignment - 1) / alignment * alignment;
  const auto offset = size;
  const auto count =
      std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>{});
  const bool decays = shape.size() > 1;
  slots.push_back({std::move(name), std::move(shape), offset, count, decays});
  size += count;
  return offset;
}

ParameterLayout::ParameterLayout(const ModelConfig& config) {
  const auto hidden = config.hidden_size, head_size = config.head_size;
  const auto query_rows = config.head_count * head_size, kv_rows = config.kv_head_count * head_size;
  embedding = place("model.embed_tokens.weight", {config.vocabulary_size, hidden});
  for (std::int64_t n = 0; n < config.layer_count; ++n) {
    const auto prefix = "model.layers." + std::to_string(n) + ".";
    LayerOffsets layer;
    layer.input_norm = place(prefix + "input_layernorm.weight", {hidden});
    layer.qkv = place(prefix + "self_attn.q_proj.weight", {query_rows, hidden});
    place(prefix + "self_attn.k_proj.weight", {kv_rows, hidden}, true);
    place(prefix + "self_attn.v_proj.weight", {kv_rows, hidden}, true);
    if (config.qkv_bias) {
      layer.qkv_bias = place(prefix + "self_attn.q_proj.bias", {query_rows});
      place(prefix + "self_attn.k_proj.bias", {kv_rows}, true);
      place(prefix + "self_attn.v_proj.bias", {kv_rows}, true);
    }
    if (config.qk_norm) {
      layer.query_norm = place(prefix + "self_attn.q_norm.weight", {head_size});
      layer.key_norm = place(prefix + "self_attn.k_norm.weight", {head_size}, true);
    }
    layer.output = place(prefix + "self_attn.o_proj.weight", {hidden, query_rows});
    layer.post_norm = place(prefix + "post_attention_layernorm.weight", {hidden});
    layer.gate_up = place(prefix + "mlp.gate_proj.weight", {config.intermediate_size, hidden});
    place(prefix + "mlp.up_proj.weight", {config.intermediate_size, hidden}, true);
    layer.down = place(prefix + "mlp.down_proj.weight", {hidden, config.intermediate_size});
    layers.push_back(layer);
  }
  final_norm = place("model.norm.weight", {hidden});
  head = config.tied_embeddings ? embedding
                                : place("lm_head.weight", {config.vocabulary_size, hidden});
}

}  // namespace flywheel
