#include "tests/unit/runtime/learning/naive_model.hpp"

#include <cmath>

#include <torch/types.h>

#include "runtime/base/random.hpp"
#include "runtime/model/transformer_layout.hpp"

namespace flywheel {
namespace {

torch::Tensor norm(const torch::Tensor& x, const torch::Tensor& weight, double epsilon) {
  return x * torch::rsqrt(x.square().mean(-1, true) + epsilon) * weight;
}

// x [tokens, heads, D]
torch::Tensor rotate(const ModelConfig& config, const torch::Tensor& x) {
  const auto half = config.head_size / 2;
  auto frequencies = torch::empty({half}, torch::kDouble);
  for (std::int64_t i = 0; i < half; ++i) {
    double frequency = std::pow(
        config.rope_theta, -2.0 * static_cast<double>(i) / static_cast<double>(config.head_size));
    if (config.rope_scaling) {
      const auto& scaling = *config.rope_scaling;
      const double wavelength = 2 * M_PI / frequency;
      const double context = static_cast<double>(scaling.original_context_length);
      if (wavelength > context / scaling.low_frequency_factor) {
        frequency /= scaling.factor;
      } else if (wavelength > context / scaling.high_frequency_factor) {
        const double smooth = (context / wavelength - scaling.low_frequency_factor) /
                              (scaling.high_frequency_factor - scaling.low_frequency_factor);
        frequency = (1 - smooth) * frequency / scaling.factor + smooth * frequency;
      }
    }
    frequencies[i] = frequency;
  }
  const auto angles = torch::outer(torch::arange(x.size(0), torch::kDouble), frequencies);
  const auto cosines = angles.cos().to(x.scalar_type()).unsqueeze(1);
  const auto sines = angles.sin().to(x.scalar_type()).unsqueeze(1);
  const auto a = x.narrow(-1, 0, half), b = x.narrow(-1, half, half);
  return torch::cat({a * cosines - b * sines, b * cosines + a * sines}, -1);
}

torch::Tensor attention(const ModelConfig& config, const NamedTensors& leaves,
                        const std::string& prefix, const torch::Tensor& x) {
  const auto project = [&](const std::string& name, std::int64_t heads) {
    auto y = x.matmul(leaves.at(prefix + name + "_proj.weight").t());
    if (config.qkv_bias) y = y + leaves.at(prefix + name + "_proj.bias");
    return y.view({x.size(0), heads, config.head_size});
  };
  auto q = project("q", config.head_count), k = project("k", config.kv_head_count);
  auto v = project("v", config.kv_head_count);
  if (config.qk_norm) {
    q = norm(q, leaves.at(prefix + "q_norm.weight"), config.rms_norm_epsilon);
    k = norm(k, leaves.at(prefix + "k_norm.weight"), config.rms_norm_epsilon);
  }
  const auto group = config.head_count / config.kv_head_count;
  q = rotate(config, q).transpose(0, 1);
  k = rotate(config, k).repeat_interleave(group, 1).transpose(0, 1);
  v = v.repeat_interleave(group, 1).transpose(0, 1);
  auto scores = q.matmul(k.transpose(1, 2)) / std::sqrt(static_cast<double>(config.head_size));
  const auto future = torch::ones({x.size(0), x.size(0)}, torch::kBool).triu(1);
  scores = scores.masked_fill(future, -INFINITY);
  const auto out = scores.softmax(-1).matmul(v).transpose(0, 1).reshape({x.size(0), -1});
  return out.matmul(leaves.at(prefix + "o_proj.weight").t());
}

}  // namespace

ModelConfig tiny_config() {
  return {.vocabulary_size = 37,
          .hidden_size = 24,
          .intermediate_size = 41,
          .layer_count = 2,
          .head_count = 4,
          .kv_head_count = 2,
          .head_size = 6,
          .context_length_max = 256};
}

ModelConfig tiny_qwen_config() {
  auto config = tiny_config();
  config.architecture = "qwen3";
  config.head_size = 20;
  config.rope_scaling = RopeScaling{.factor = 4.0, .original_context_length = 64};
  config.tied_embeddings = false;
  config.qkv_bias = true;
  config.qk_norm = true;
  return config;
}

WeightsHandle lively_weights(const ModelConfig& config, std::uint64_t seed) {
  auto weights = std::make_shared<Weights>();
  weights->config = config;
  Random random{derive_key({seed})};
  for (const auto& slot : ParameterLayout{config}.slots) {
    auto tensor = torch::empty(slot.shape, torch::kFloat);
    const float centre = slot.name.find("norm") == std::string::npos ? 0.0F : 1.0F;
    for (std::int64_t i = 0; i < slot.count; ++i) {
      const double normal = std::sqrt(-2 * std::log(1.0 - random.unit())) *
                            std::cos(2 * M_PI * random.unit());  // Box and Muller 1958
      tensor.data_ptr<float>()[i] = centre + 0.2F * static_cast<float>(normal);
    }
    weights->tensors[slot.name] = tensor;
  }
  return weights;
}

NamedTensors leaves_of(const WeightsHandle& weights, torch::ScalarType type) {
  NamedTensors leaves;
  for (const auto& [name, tensor] : weights->tensors)
    leaves[name] = tensor.to(type, false, true).requires_grad_(true);
  return leaves;
}

torch::Tensor naive_logits(const ModelConfig& config, const NamedTensors& leaves,
                           const std::vector<Token>& tokens) {
  const auto ids = torch::tensor(std::vector<std::int64_t>(tokens.begin(), tokens.end()));
  auto x = leaves.at("model.embed_tokens.weight").index_select(0, ids);
  for (std::int64_t n = 0; n < config.layer_count; ++n) {
    const auto prefix = "model.layers." + std::to_string(n) + ".";
    auto y = norm(x, leaves.at(prefix + "input_layernorm.weight"), config.rms_norm_epsilon);
    x = x + attention(config, leaves, prefix + "self_attn.", y);
    y = norm(x, leaves.at(prefix + "post_attention_layernorm.weight"), config.rms_norm_epsilon);
    const auto gate = y.matmul(leaves.at(prefix + "mlp.gate_proj.weight").t());
    const auto up = y.matmul(leaves.at(prefix + "mlp.up_proj.weight").t());
    x = x + (torch::silu(gate) * up).matmul(leaves.at(prefix + "mlp.down_proj.weight").t());
  }
  x = norm(x, leaves.at("model.norm.weight"), config.rms_norm_epsilon);
  const auto head = config.tied_embeddings ? "model.embed_tokens.weight" : "lm_head.weight";
  return x.matmul(leaves.at(head).t());
}

torch::Tensor naive_log_probabilities(const ModelConfig& config, const NamedTensors& leaves,
                                      const std::vector<Token>& tokens) {
  const auto count = static_cast<std::int64_t>(tokens.size());
  const auto logits = naive_logits(config, leaves, tokens).narrow(0, 0, count - 1);
  const auto next = torch::tensor(std::vector<std::int64_t>(tokens.begin() + 1, tokens.end()));
  const auto picked = logits.log_softmax(-1).gather(1, next.unsqueeze(1)).squeeze(1);
  return torch::cat({torch::zeros({1}, picked.options()), picked});
}

std::vector<Token> random_tokens(const ModelConfig& config, std::uint64_t seed, std::size_t count) {
  Random random{derive_key({seed, 17})};
  std::vector<Token> tokens(count);
  for (auto& token : tokens)
    token = static_cast<Token>(random.below(static_cast<std::uint64_t>(config.vocabulary_size)));
  return tokens;
}

}  // namespace flywheel
