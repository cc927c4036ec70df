// Holds the engine against a decoder that recomputes everything for every token.
#include "tests/unit/runtime/inference/reference.hpp"

#include <algorithm>
#include <cmath>

#include <torch/types.h>

#include "runtime/model/rope_frequencies.hpp"
#include "runtime/model/weights.hpp"

namespace flywheel {
namespace {

torch::Tensor norm(const torch::Tensor& x, const torch::Tensor& weight, double epsilon) {
  return x * torch::rsqrt(x.square().mean(-1, true) + epsilon) * weight;
}

torch::Tensor rotate(const torch::Tensor& x_htd, const ModelConfig& config) {
  const std::int64_t half = config.head_size / 2;
  const auto frequencies = rope_frequencies(config);
  const auto angles =
      torch::arange(x_htd.size(1), torch::kFloat64).unsqueeze(1) *
      torch::from_blob(const_cast<double*>(frequencies.data()), {1, half}, torch::kFloat64);
  const auto cosines = angles.cos().to(torch::kFloat32), sines = angles.sin().to(torch::kFloat32);
  const auto a = x_htd.narrow(-1, 0, half), b = x_htd.narrow(-1, half, half);
  return torch::cat({a * cosines - b * sines, b * cosines + a * sines}, -1);
}

class Reference {
 public:
  explicit Reference(const Weights& weights) : w_(weights.tensors), c_(weights.config) {}

  torch::Tensor log_probabilities(const std::vector<Token>& tokens) const {
    const torch::NoGradGuard no_gradient;
    const std::vector<std::int64_t> ids(tokens.begin(), tokens.end());
    torch::Tensor x = w_.at("model.embed_tokens.weight").index_select(0, torch::tensor(ids));
    for (std::int64_t i = 0; i < c_.layer_count; ++i) {
      const std::string prefix = "model.layers." + std::to_string(i) + ".";
      x = x +
          attention(prefix, norm(x, w_.at(prefix + "input_layernorm.weight"), c_.rms_norm_epsilon));
      const torch::Tensor y =
          norm(x, w_.at(prefix + "post_attention_layernorm.weight"), c_.rms_norm_epsilon);
      x = x + linear(torch::silu(linear(y, prefix + "mlp.gate_proj")) *
                         linear(y, prefix + "mlp.up_proj"),
                     prefix + "mlp.down_proj");
    }
    const torch::Tensor last = norm(x[-1], w_.at("model.norm.weight"), c_.rms_norm_epsilon);
    const std::string head = c_.tied_embeddings ? "model.embed_tokens" : "lm_head";
    return torch::log_softmax(linear(last, head).to(torch::kFloat64), -1).to(torch::kFloat32);
  }

 private:
  torch::Tensor linear(const torch::Tensor& x, const std::string& name) const {
    const auto bias = w_.find(name + ".bias");
    const torch::Tensor y = torch::matmul(x, w_.at(name + ".weight").t());
    return bias == w_.end() ? y : y + bias->second;
  }
  torch::Tensor heads(const torch::Tensor& x, const std::string& name) const {
    return linear(x, name).view({x.size(0), -1, c_.head_size}).transpose(0, 1);
  }
  torch::Tensor attention(const std::string& prefix, const torch::Tensor& x) const {
    torch::Tensor q = heads(x, prefix + "self_attn.q_proj");
    torch::Tensor k = heads(x, prefix + "self_attn.k_proj");
    const torch::Tensor v = heads(x, prefix + "self_attn.v_proj");
    if (c_.qk_norm) {
      q = norm(q, w_.at(prefix + "self_attn.q_norm.weight"), c_.rms_norm_epsilon);
      k = norm(k, w_.at(prefix + "self_attn.k_norm.weight"), c_.rms_norm_epsilon);
    }
    const std::int64_t group = c_.head_count / c_.kv_head_count;
    const auto spread = [group](const torch::Tensor& t) { return t.repeat_interleave(group, 0); };
    const torch::Tensor scores =
        torch::matmul(rotate(q, c_), spread(rotate(k, c_)).transpose(1, 2)) /
        std::sqrt(static_cast<double>(c_.head_size));
    const torch::Tensor mask = torch::ones({x.size(0), x.size(0)}, torch::kBool).triu(1);
    const torch::Tensor weights = torch::softmax(scores.masked_fill(mask, -INFINITY), -1);
    const torch::Tensor mixed = torch::matmul(weights, spread(v)).transpose(0, 1);
    return linear(mixed.reshape({x.size(0), -1}), prefix + "self_attn.o_proj");
  }

  const std::map<std::string, torch::Tensor>& w_;
  const ModelConfig& c_;
};

std::shared_ptr<Weights> copy_of(const WeightsHandle& weights) {
  auto copy = std::make_shared<Weights>(*weights);
  for (auto& [name, tensor] : copy->tensors) tensor = tensor.clone();
  return copy;
}

}  // namespace

ModelConfig tiny_llama() {
  ModelConfig config;
  config.vocabulary_size = 101;
  config.hidden_size = 32;
  config.intermediate_size = 58;
  config.layer_count = 2;
  config.head_count = 4;
  config.kv_head_count = 2;
  config.head_size = 8;
  config.context_length_max = 512;
  config.end_tokens = {2};
  return config;
}

ModelConfig tiny_qwen2() {
  ModelConfig config = tiny_llama();
  config.architecture = "qwen2";
  config.qkv_bias = true;
  config.tied_embeddings = false;
  return config;
}

ModelConfig tiny_qwen3() {
  ModelConfig config = tiny_llama();
  config.architecture = "qwen3";
  config.qk_norm = true;
  config.head_size = 20;
  config.kv_head_count = 1;
  return config;
}

ModelConfig small_llama() {
  ModelConfig config = tiny_llama();
  config.vocabulary_size = 1234;
  config.hidden_size = 192;
  config.intermediate_size = 320;
  config.head_count = 3;
  config.kv_head_count = 1;
  config.head_size = 64;
  return config;
}

WeightsHandle lively_weights(const ModelConfig& config, std::uint64_t seed) {
  auto weights = copy_of(random_weights(config, seed));
  const torch::NoGradGuard no_gradient;
  for (auto& [name, tensor] : weights->tensors) {
    if (name.ends_with(".bias"))
      tensor.copy_(torch::linspace(-0.5, 0.5, tensor.numel()));
    else if (name.ends_with("norm.weight"))
      tensor.copy_(torch::linspace(0.5, 1.5, tensor.numel()));
    else
      tensor.mul_(10.0);
  }
  return weights;
}

WeightsHandle with_tensor_changed(const WeightsHandle& weights, const std::string& name, float by) {
  auto copy = copy_of(weights);
  copy->tensors.at(name).view({-1})[3].add_(by);
  return copy;
}

WeightsHandle without_tensor(const WeightsHandle& weights, const std::string& name) {
  auto copy = copy_of(weights);
  copy->tensors.erase(name);
  return copy;
}

std::vector<float> reference_log_probabilities(const WeightsHandle& weights,
                                               const std::vector<Token>& tokens) {
  const torch::Tensor row = Reference(*weights).log_probabilities(tokens).contiguous();
  return {row.data_ptr<float>(), row.data_ptr<float>() + row.numel()};
}

TEST_SUITE("runtime/inference/reference") {
  TEST_CASE("greedy tokens and log-probabilities equal a full recomputation") {
    for (const ModelConfig& model : {tiny_llama(), tiny_qwen2(), tiny_qwen3(), small_llama()}) {
      CAPTURE(model.architecture);
      CAPTURE(model.hidden_size);
      const WeightsHandle weights = lively_weights(model, 7);
      auto engine = engine_of(weights);
      std::map<std::uint64_t, std::vector<Token>> prompts;
      for (std::uint64_t id = 0; id < 4; ++id) {
        prompts[id] = random_prompt(id, 1 + 15 * id, static_cast<Token>(model.vocabulary_size));
        REQUIRE(engine->submit(
            {.id = id,
             .prompt = prompts[id],
             .sampling = {.temperature = 0.0, .tokens_max = 20, .ignore_end = true}}));
      }

      const auto generations = run_all(*engine);

      REQUIRE(generations.size() == 4);
      for (const auto& [id, generation] : generations) {
        std::vector<Token> tokens = prompts[id];
        REQUIRE(generation.tokens.size() == 20);
        for (std::size_t i = 0; i < 20; ++i) {
          const auto expected = reference_log_probabilities(weights, tokens);
          const auto best = std::max_element(expected.begin(), expected.end());
          REQUIRE(generation.tokens[i] == static_cast<Token>(best - expected.begin()));
          REQUIRE(generation.log_probabilities[i] == doctest::Approx(*best).epsilon(1e-4));
          tokens.push_back(generation.tokens[i]);
        }
      }
    }
  }

  TEST_CASE("bfloat16 stays near float32: log-probabilities of its own tokens differ little") {
    const WeightsHandle weights = lively_weights(small_llama(), 3);
    auto engine = engine_of(weights, {.precision = Precision::bfloat16});
    const auto prompt = random_prompt(5, 30, 1234);
    REQUIRE(engine->submit({.id = 1, .prompt = prompt, .sampling = {.tokens_max = 40}}));

    const Generation generation = run_all(*engine)[1];

    // The same rounded weights, everything else in float32.
    const WeightsHandle rounded =
        convert(convert(weights, Precision::bfloat16), Precision::float32);
    std::vector<Token> tokens = prompt;
    double k3 = 0.0;
    for (std::size_t i = 0; i < generation.tokens.size(); ++i) {
      const auto expected = reference_log_probabilities(rounded, tokens);
      const double l =
          static_cast<double>(expected[static_cast<std::size_t>(generation.tokens[i])] -
                              generation.log_probabilities[i]);
      k3 += std::exp(l) - 1 - l;
      tokens.push_back(generation.tokens[i]);
    }
    CHECK(k3 / static_cast<double>(generation.tokens.size()) <
          1e-2);  // logits spread over tens of nats here
  }
}

}  // namespace flywheel
