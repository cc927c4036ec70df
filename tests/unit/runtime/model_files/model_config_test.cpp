// config.json to ModelConfig and back, with every refusal.
#include "runtime/model/model_config.hpp"

#include <doctest/doctest.h>

#include "runtime/model/tensor_shapes.hpp"

using namespace flywheel;

namespace {

ModelConfig config_of_kind(const std::string& architecture) {
  return {.architecture = architecture,
          .vocabulary_size = 64,
          .hidden_size = 32,
          .intermediate_size = 40,
          .layer_count = 2,
          .head_count = 4,
          .kv_head_count = 2,
          .head_size = architecture == "qwen3" ? 16 : 8,
          .context_length_max = 128,
          .rope_theta = 5000.0,
          .rms_norm_epsilon = 1e-6,
          .tied_embeddings = architecture != "qwen2",
          .qkv_bias = architecture == "qwen2",
          .qk_norm = architecture == "qwen3",
          .end_tokens = {2, 5},
          .begin_token = 1};
}

std::string refusal_of(const Json& json) {
  const auto config = model_config_from_json(json, "config.json");
  return config ? "" : config.error().message;
}

}  // namespace

TEST_SUITE("runtime/model/model_config") {
  TEST_CASE("a configuration survives the way through config.json") {
    for (const char* architecture : {"llama", "qwen2", "qwen3"}) {
      CAPTURE(architecture);
      ModelConfig config = config_of_kind(architecture);
      for (const bool is_scaled : {false, true}) {
        if (is_scaled)
          config.rope_scaling = RopeScaling{.factor = 32.0, .original_context_length = 64};

        const auto again = model_config_from_json(to_json(config), "config.json");

        REQUIRE_MESSAGE(again.has_value(), again.error().message);
        CHECK(*again == config);
      }
    }
  }

  TEST_CASE("rotary settings are read where either generation of files has them") {
    Json json = to_json(config_of_kind("llama"));
    json.erase("rope_theta");
    json.erase("rope_scaling");
    CHECK(model_config_from_json(json, "config.json")->rope_theta == 10000.0);

    json["rope_parameters"] = {{"rope_type", "default"}, {"rope_theta", 77.0}};

    CHECK(model_config_from_json(json, "config.json")->rope_theta == 77.0);
  }

  TEST_CASE("the number of parameters is the sum over the tensors") {
    for (const char* architecture : {"llama", "qwen2", "qwen3"}) {
      const ModelConfig config = config_of_kind(architecture);
      std::int64_t sum = 0;
      for (const auto& [name, shape] : tensor_shapes(config)) {
        std::int64_t count = 1;
        for (const std::int64_t size : shape) count *= size;
        sum += count;
      }
      CHECK(parameter_count(config) == sum);
    }
  }

  TEST_CASE("what can't be is refused in one line that names the file and the field") {
    const Json good = to_json(config_of_kind("llama"));
    REQUIRE(refusal_of(good).empty());
    struct Case {
      const char* field;
      Json value;
      const char* fault;
    };
    const Case cases[] = {
        {"model_type", "gpt_neox", "'gpt_neox' is unknown"},
        {"model_type", nullptr, "'(none)' is unknown"},
        {"model_type", 3, "'model_type' is not text"},
        {"hidden_size", nullptr, "'hidden_size' is missing"},
        {"hidden_size", "32", "'hidden_size' is not a whole number"},
        {"hidden_size", 32.5, "'hidden_size' is not a whole number"},
        {"hidden_size", -32, "hidden size"},
        {"hidden_size", std::uint64_t{1} << 63, "hidden size"},
        {"num_hidden_layers", 0, "number of layers is 0"},
        {"num_hidden_layers", 5000, "number of layers is 5000"},
        {"num_key_value_heads", 3, "can't share 3"},
        {"num_key_value_heads", 0, "key-value heads is 0"},
        {"head_dim", 7, "head size is 7"},
        {"vocab_size", 0, "bos_token_id 1 is outside"},
        {"max_position_embeddings", 0, "context is 0"},
        {"rms_norm_eps", 0.0, "epsilon"},
        {"rope_theta", -1.0, "rotary base"},
        {"rope_scaling", {{"rope_type", "yarn"}}, "'yarn' is not supported"},
        {"rope_scaling", 3, "not an object"},
        {"rope_scaling",
         {{"rope_type", "llama3"}, {"low_freq_factor", 4.0}, {"high_freq_factor", 4.0}},
         "factors are impossible"},
        {"hidden_act", "gelu", "'gelu' is not supported"},
        {"attention_bias", true, "attention_bias"},
        {"mlp_bias", true, "mlp_bias"},
        {"use_sliding_window", true, "sliding-window"},
        {"quantization_config", {{"bits", 4}}, "quantised"},
        {"tie_word_embeddings", "yes", "not true or false"},
        {"bos_token_id", 64, "outside the vocabulary"},
        {"eos_token_id", 64, "end token 64 is outside"},
        {"eos_token_id", {2, "x"}, "'eos_token_id'"},
        {"eos_token_id", -3, "'eos_token_id'"},
    };
    for (const Case& item : cases) {
      CAPTURE(item.field);
      CAPTURE(item.fault);
      Json json = good;
      json[item.field] = item.value;

      const std::string message = refusal_of(json);

      CAPTURE(message);
      CHECK(message.starts_with("config.json: "));
      CHECK(message.find(item.fault) != std::string::npos);
      CHECK(message.find('\n') == std::string::npos);
    }
    CHECK_FALSE(refusal_of(Json::array()).empty());
  }

  TEST_CASE("sizes that multiply beyond any model are refused, those of a big one are not") {
    ModelConfig config = config_of_kind("llama");
    config.vocabulary_size = 128256;
    config.hidden_size = 16384;
    config.intermediate_size = 53248;
    config.layer_count = 126;
    config.head_count = 128;
    config.kv_head_count = 8;
    config.head_size = 128;
    CHECK(validate(config, "x").has_value());
    CHECK(parameter_count(config) > 400'000'000'000);
    config.intermediate_size = std::int64_t{1} << 30;
    config.hidden_size = std::int64_t{1} << 29;
    CHECK_FALSE(validate(config, "x").has_value());
  }
}
