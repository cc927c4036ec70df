#include "runtime/model/model_config.hpp"

#include <cmath>

#include <fmt/format.h>

#include "runtime/model/tensor_shapes.hpp"

namespace flywheel {
namespace {

// Far beyond any model of this family, and small enough that products of two sizes fit 64 bits.
constexpr std::int64_t size_limit = std::int64_t{1} << 30;
constexpr std::int64_t layer_limit = 4096;
constexpr double parameter_limit = 0x1p44;

tl::unexpected<Error> refuse(const std::string& where, const std::string& what) {
  return fail(Failure::invalid_input, where + ": " + what);
}

bool is_known(const std::string& architecture) {
  return architecture == "llama" || architecture == "qwen2" || architecture == "qwen3";
}

// Reads fields of one JSON object; the first refusal is kept, and later reads give the default.
class FieldReader {
 public:
  FieldReader(const Json& object, std::string where) : object_(object), where_(std::move(where)) {}

  bool has(const char* name) const { return object_.contains(name) && !object_[name].is_null(); }

  std::int64_t size(const char* name) {
    if (has(name)) return size_or(name, 0);
    note(fmt::format("field '{}' is missing", name));
    return 0;
  }

  std::int64_t size_or(const char* name, std::int64_t otherwise) {
    if (!has(name)) return otherwise;
    const Json& value = object_[name];
    if (!value.is_number_integer()) {
      note(fmt::format("field '{}' is not a whole number", name));
      return otherwise;
    }
    // What doesn't fit 64 signed bits becomes negative, which validate() refuses.
    return value.get<std::int64_t>();
  }

  double number_or(const char* name, double otherwise) {
    if (!has(name)) return otherwise;
    if (object_[name].is_number()) return object_[name].get<double>();
    note(fmt::format("field '{}' is not a number", name));
    return otherwise;
  }

  bool flag_or(const char* name, bool otherwise) {
    if (!has(name)) return otherwise;
    if (object_[name].is_boolean()) return object_[name].get<bool>();
    note(fmt::format("field '{}' is not true or false", name));
    return otherwise;
  }

  std::string text_or(const char* name, const char* otherwise) {
    if (!has(name)) return otherwise;
    if (object_[name].is_string()) return object_[name].get<std::string>();
    note(fmt::format("field '{}' is not text", name));
    return otherwise;
  }

  void note(std::string what) {
    if (problem_.empty()) problem_ = std::move(what);
  }

  Result<> finish() const {
    if (!problem_.empty()) return refuse(where_, problem_);
    return {};
  }

 private:
  const Json& object_;
  std::string where_;
  std::string problem_{};
};

// rope_scaling of older files, rope_parameters of newer ones; both may also hold the base.
Result<> read_rope(const Json& rope, const std::string& where, ModelConfig& config) {
  if (!rope.is_object()) return refuse(where, "the rotary settings are not an object");
  FieldReader fields(rope, where);
  config.rope_theta = fields.number_or("rope_theta", config.rope_theta);
  const std::string type = fields.text_or("rope_type", fields.text_or("type", "default").c_str());
  FLYWHEEL_TRY_VOID(fields.finish());
  if (type == "default") return {};
  if (type != "llama3")
    return refuse(where,
                  "rotary scaling '" + type + "' is not supported; 'default' and 'llama3' are");
  RopeScaling scaling;
  scaling.factor = fields.number_or("factor", scaling.factor);
  scaling.low_frequency_factor = fields.number_or("low_freq_factor", scaling.low_frequency_factor);
  scaling.high_frequency_factor =
      fields.number_or("high_freq_factor", scaling.high_frequency_factor);
  scaling.original_context_length =
      fields.size_or("original_max_position_embeddings", scaling.original_context_length);
  config.rope_scaling = scaling;
  return fields.finish();
}

Result<std::vector<Token>> read_end_tokens(const Json& json, const std::string& where) {
  std::vector<Token> tokens;
  const auto value = json.find("eos_token_id");
  if (value == json.end() || value->is_null()) return tokens;
  const Json list = value->is_array() ? *value : Json::array({*value});
  for (const Json& token : list) {
    if (!token.is_number_integer() || token.get<std::int64_t>() < 0 ||
        token.get<std::int64_t>() >= size_limit)
      return refuse(where, "field 'eos_token_id' is not a token id or a list of them");
    tokens.push_back(token.get<Token>());
  }
  return tokens;
}

// What the family allows and this decoder does not compute.
Result<> refuse_variants(FieldReader& fields, const ModelConfig& config, const std::string& where) {
  const std::string activation = fields.text_or("hidden_act", "silu");
  if (activation != "silu")
    return refuse(where, "activation '" + activation + "' is not supported; 'silu' is");
  if (config.architecture != "qwen2" && fields.flag_or("attention_bias", false))
    return refuse(where, "attention_bias is not supported for " + config.architecture);
  if (fields.flag_or("mlp_bias", false)) return refuse(where, "mlp_bias is not supported");
  if (fields.flag_or("use_sliding_window", false))
    return refuse(where, "sliding-window attention is not supported");
  if (fields.has("quantization_config"))
    return refuse(where,
                  "quantised Hugging Face checkpoints are not supported; use the original one");
  return {};
}

Result<> check_size(const char* name, std::int64_t value, std::int64_t limit,
                    const std::string& where) {
  if (value >= 1 && value <= limit) return {};
  return refuse(where, fmt::format("{} is {}; 1 to {} is possible", name, value, limit));
}

Result<> check_numbers(const ModelConfig& config, const std::string& where) {
  const auto positive = [](double value) { return std::isfinite(value) && value > 0; };
  if (!positive(config.rope_theta)) return refuse(where, "the rotary base is not positive");
  if (!positive(config.rms_norm_epsilon))
    return refuse(where, "the norm's epsilon is not positive");
  if (!config.rope_scaling) return {};
  const RopeScaling& scaling = *config.rope_scaling;
  if (!positive(scaling.factor) || !positive(scaling.low_frequency_factor) ||
      !std::isfinite(scaling.high_frequency_factor) ||
      scaling.high_frequency_factor <= scaling.low_frequency_factor)
    return refuse(where, "the rotary scaling's factors are impossible");
  return check_size("the rotary scaling's original context", scaling.original_context_length,
                    size_limit, where);
}

}  // namespace

Result<> validate(const ModelConfig& config, const std::string& where) {
  if (!is_known(config.architecture))
    return refuse(where, "architecture '" + config.architecture +
                             "' is unknown; llama, qwen2 and qwen3 are supported");
  FLYWHEEL_TRY_VOID(check_size("the vocabulary's size", config.vocabulary_size, size_limit, where));
  FLYWHEEL_TRY_VOID(check_size("the hidden size", config.hidden_size, size_limit, where));
  FLYWHEEL_TRY_VOID(
      check_size("the intermediate size", config.intermediate_size, size_limit, where));
  FLYWHEEL_TRY_VOID(check_size("the number of layers", config.layer_count, layer_limit, where));
  FLYWHEEL_TRY_VOID(check_size("the number of heads", config.head_count, 65536, where));
  FLYWHEEL_TRY_VOID(
      check_size("the number of key-value heads", config.kv_head_count, 65536, where));
  FLYWHEEL_TRY_VOID(check_size("the head size", config.head_size, 65536, where));
  FLYWHEEL_TRY_VOID(check_size("the context", config.context_length_max, size_limit, where));
  if (config.head_count % config.kv_head_count != 0)
    return refuse(where, fmt::format("{} heads can't share {} key-value heads evenly",
                                     config.head_count, config.kv_head_count));
  if (config.head_size % 2 != 0)
    return refuse(where, fmt::format("the head size is {}; rotary positions need an even one",
                                     config.head_size));
  if (config.qkv_bias != (config.architecture == "qwen2"))
    return refuse(where, "QKV biases belong to qwen2, and to it alone");
  if (config.qk_norm != (config.architecture == "qwen3"))
    return refuse(where, "QK norms belong to qwen3, and to it alone");
  const auto real = [](std::int64_t size) { return static_cast<double>(size); };
  const double layer =
      real(config.hidden_size) *
      (2.0 * real(config.head_count + config.kv_head_count) * real(config.head_size) +
       3.0 * real(config.intermediate_size));
  if (2.0 * real(config.vocabulary_size) * real(config.hidden_size) +
          real(config.layer_count) * layer >
      parameter_limit)
    return refuse(where, "the sizes multiply to more parameters than any model of this family has");
  FLYWHEEL_TRY_VOID(check_numbers(config, where));
  if (config.begin_token < -1 || config.begin_token >= config.vocabulary_size)
    return refuse(where, fmt::format("the begin token {} is outside the vocabulary of {}",
                                     config.begin_token, config.vocabulary_size));
  for (const Token token : config.end_tokens)
    if (token < 0 || token >= config.vocabulary_size)
      return refuse(where, fmt::format("the end token {} is outside the vocabulary of {}", token,
                                       config.vocabulary_size));
  return {};
}

Result<ModelConfig> model_config_from_json(const Json& json, const std::string& where) {
  if (!json.is_object()) return refuse(where, "not a JSON object");
  FieldReader fields(json, where);
  ModelConfig config;
  config.architecture = fields.text_or("model_type", "(none)");
  FLYWHEEL_TRY_VOID(fields.finish());
  if (!is_known(config.architecture))
    return refuse(where, "architecture '" + config.architecture +
                             "' is unknown; llama, qwen2 and qwen3 are supported");
  config.vocabulary_size = fields.size("vocab_size");
  config.hidden_size = fields.size("hidden_size");
  config.intermediate_size = fields.size("intermediate_size");
  config.layer_count = fields.size("num_hidden_layers");
  config.head_count = fields.size("num_attention_heads");
  config.kv_head_count = fields.size_or("num_key_value_heads", config.head_count);
  config.context_length_max = fields.size("max_position_embeddings");
  config.rms_norm_epsilon = fields.number_or("rms_norm_eps", 1e-6);
  config.rope_theta = fields.number_or("rope_theta", 10000.0);
  config.tied_embeddings = fields.flag_or("tie_word_embeddings", false);
  config.qkv_bias = config.architecture == "qwen2";
  config.qk_norm = config.architecture == "qwen3";
  config.begin_token = -1;
  const std::int64_t begin = fields.size_or("bos_token_id", -1);
  FLYWHEEL_TRY_VOID(fields.finish());
  if (begin < -1 || begin >= config.vocabulary_size)
    return refuse(where, fmt::format("bos_token_id {} is outside the vocabulary", begin));
  config.begin_token = static_cast<Token>(begin);
  FLYWHEEL_TRY(config.end_tokens, read_end_tokens(json, where));

  if (fields.has("head_dim")) {
    config.head_size = fields.size("head_dim");
  } else if (config.head_count > 0) {
    if (config.hidden_size % config.head_count != 0)
      return refuse(where, fmt::format("hidden size {} is no multiple of {} heads",
                                       config.hidden_size, config.head_count));
    config.head_size = config.hidden_size / config.head_count;
  }
  for (const char* name : {"rope_scaling", "rope_parameters"})
    if (fields.has(name)) FLYWHEEL_TRY_VOID(read_rope(json[name], where, config));
  FLYWHEEL_TRY_VOID(refuse_variants(fields, config, where));
  FLYWHEEL_TRY_VOID(fields.finish());
  FLYWHEEL_TRY_VOID(validate(config, where));
  return config;
}

Json to_json(const ModelConfig& config) {
  const std::string name = config.architecture == "qwen2"   ? "Qwen2ForCausalLM"
                           : config.architecture == "qwen3" ? "Qwen3ForCausalLM"
                                                            : "LlamaForCausalLM";
  Json json{{"architectures", Json::array({name})},
            {"model_type", config.architecture},
            {"vocab_size", config.vocabulary_size},
            {"hidden_size", config.hidden_size},
            {"intermediate_size", config.intermediate_size},
            {"num_hidden_layers", config.layer_count},
            {"num_attention_heads", config.head_count},
            {"num_key_value_heads", config.kv_head_count},
            {"head_dim", config.head_size},
            {"max_position_embeddings", config.context_length_max},
            {"rms_norm_eps", config.rms_norm_epsilon},
            {"rope_theta", config.rope_theta},
            {"rope_scaling", nullptr},
            {"tie_word_embeddings", config.tied_embeddings},
            {"attention_bias", false},
            {"hidden_act", "silu"},
            {"initializer_range", 0.02},
            {"use_cache", true},
            {"bos_token_id", nullptr},
            {"eos_token_id", nullptr}};
  if (config.architecture == "llama") json["mlp_bias"] = false;
  if (config.architecture == "qwen2") json.erase("attention_bias");
  if (config.begin_token >= 0) json["bos_token_id"] = config.begin_token;
  if (config.end_tokens.size() == 1) json["eos_token_id"] = config.end_tokens[0];
  if (config.end_tokens.size() > 1) json["eos_token_id"] = config.end_tokens;
  if (config.rope_scaling)
    json["rope_scaling"] = {
        {"rope_type", "llama3"},
        {"factor", config.rope_scaling->factor},
        {"low_freq_factor", config.rope_scaling->low_frequency_factor},
        {"high_freq_factor", config.rope_scaling->high_frequency_factor},
        {"original_max_position_embeddings", config.rope_scaling->original_context_length}};
  return json;
}

std::int64_t parameter_count(const ModelConfig& config) {
  const std::int64_t query_size = config.head_count * config.head_size;
  const std::int64_t kv_size = config.kv_head_count * config.head_size;
  const std::int64_t embedding = config.vocabulary_size * config.hidden_size;
  std::int64_t layer = 2 * config.hidden_size + 2 * query_size * config.hidden_size +
                       2 * kv_size * config.hidden_size +
                       3 * config.intermediate_size * config.hidden_size;
  if (config.qkv_bias) layer += query_size + 2 * kv_size;
  if (config.qk_norm) layer += 2 * config.head_size;
  return embedding * (config.tied_embeddings ? 1 : 2) + config.layer_count * layer +
         config.hidden_size;
}

std::map<std::string, std::vector<std::int64_t>> tensor_shapes(const ModelConfig& config) {
  const std::int64_t hidden = config.hidden_size, inner = config.intermediate_size;
  const std::int64_t query_size = config.head_count * config.head_size;
  const std::int64_t kv_size = config.kv_head_count * config.head_size;
  std::map<std::string, std::vector<std::int64_t>> shapes;
  shapes["model.embed_tokens.weight"] = {config.vocabulary_size, hidden};
  shapes["model.norm.weight"] = {hidden};
  if (!config.tied_embeddings) shapes["lm_head.weight"] = {config.vocabulary_size, hidden};
  for (std::int64_t i = 0; i < config.layer_count; ++i) {
    const std::string layer = fmt::format("model.layers.{}.", i);
    shapes[layer + "input_layernorm.weight"] = {hidden};
    shapes[layer + "post_attention_layernorm.weight"] = {hidden};
    shapes[layer + "self_attn.q_proj.weight"] = {query_size, hidden};
    shapes[layer + "self_attn.k_proj.weight"] = {kv_size, hidden};
    shapes[layer + "self_attn.v_proj.weight"] = {kv_size, hidden};
    shapes[layer + "self_attn.o_proj.weight"] = {hidden, query_size};
    shapes[layer + "mlp.gate_proj.weight"] = {inner, hidden};
    shapes[layer + "mlp.up_proj.weight"] = {inner, hidden};
    shapes[layer + "mlp.down_proj.weight"] = {hidden, inner};
    if (config.qkv_bias) {
      shapes[layer + "self_attn.q_proj.bias"] = {query_size};
      shapes[layer + "self_attn.k_proj.bias"] = {kv_size};
      shapes[layer + "self_attn.v_proj.bias"] = {kv_size};
    }
    if (config.qk_norm) {
      shapes[layer + "self_attn.q_norm.weight"] = {config.head_size};
      shapes[layer + "self_attn.k_norm.weight"] = {config.head_size};
    }
  }
  return shapes;
}

}  // namespace flywheel
