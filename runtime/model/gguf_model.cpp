// What GGUF metadata says of the model: its shape, its vocabulary, its tensors' names.
#include <cmath>
#include <cstdlib>
#include <limits>

#include <fmt/format.h>

#include "runtime/model/gguf.hpp"
#include "runtime/model/rope_frequencies.hpp"

namespace flywheel {
namespace {

tl::unexpected<Error> refuse(const GgufFile& file, const std::string& what) {
  return fail(Failure::invalid_input, file.path() + ": " + what);
}

// The value of an optional key.
Result<std::int64_t> integer_or(const GgufFile& file, const std::string& key,
                                std::int64_t otherwise) {
  if (!file.has(key)) return otherwise;
  return file.integer(key);
}

Result<Token> token_or_none(const GgufFile& file, const std::string& key) {
  FLYWHEEL_TRY(const std::int64_t token, integer_or(file, key, -1));
  if (token < -1 || token > std::numeric_limits<Token>::max())
    return refuse(file, fmt::format("metadata key '{}' is {}, no token id", key, token));
  return static_cast<Token>(token);
}

Result<> refuse_variants(const GgufFile& file, const std::string& prefix) {
  FLYWHEEL_TRY(const std::int64_t expert_count, integer_or(file, prefix + "expert_count", 0));
  if (expert_count != 0)
    return refuse(file, fmt::format("a mixture of {} experts is not supported", expert_count));
  const std::string scaling_key = prefix + "rope.scaling.type";
  if (file.has(scaling_key)) {
    FLYWHEEL_TRY(const std::string scaling, file.text(scaling_key));
    if (scaling != "none") return refuse(file, "rotary scaling '" + scaling + "' is not supported");
  }
  if (file.has(prefix + "attention.sliding_window"))
    return refuse(file, "sliding-window attention is not supported");
  return {};
}

Result<std::int64_t> vocabulary_size(const GgufFile& file, const std::string& prefix) {
  if (file.has(prefix + "vocab_size")) return file.integer(prefix + "vocab_size");
  const auto embedding = file.tensors().find("token_embd.weight");
  if (embedding == file.tensors().end() || embedding->second.shape.size() != 2)
    return refuse(file, "tensor 'token_embd.weight' is missing or is no matrix");
  return embedding->second.shape[0];
}

// llama.cpp stores Llama-3's rotary scaling as one factor a frequency, and not the four numbers the
// factors come from. All published models share three of them, so that the greatest factor is the
// fourth; the factors must then come out again.
Result<> read_rope_factors(const GgufFile& file, ModelConfig& config) {
  const auto found = file.tensors().find("rope_freqs.weight");
  if (found == file.tensors().end()) return {};
  const GgufTensor& tensor = found->second;
  if (tensor.type != GgufType::f32 || tensor.number_count != config.head_size / 2)
    return refuse(file, "tensor 'rope_freqs.weight' is not one F32 number for each two of a head");
  std::vector<float> factors(static_cast<std::size_t>(tensor.number_count));
  dequantise(tensor.type, file.bytes(tensor), factors);
  RopeScaling scaling;
  scaling.factor = 0;
  for (const float factor : factors)
    scaling.factor = std::max(scaling.factor, static_cast<double>(factor));
  const std::vector<double> plain = rope_frequencies(config);
  config.rope_scaling = scaling;
  const std::vector<double> scaled = rope_frequencies(config);
  for (std::size_t i = 0; i < factors.size(); ++i)
    if (!(std::abs(plain[i] / scaled[i] / static_cast<double>(factors[i]) - 1) < 1e-3))
      return refuse(file, "the factors of tensor 'rope_freqs.weight' are not those of Llama 3");
  return {};
}

Result<> read_sizes(const GgufFile& file, const std::string& prefix, ModelConfig& config) {
  FLYWHEEL_TRY(config.vocabulary_size, vocabulary_size(file, prefix));
  FLYWHEEL_TRY(config.hidden_size, file.integer(prefix + "embedding_length"));
  FLYWHEEL_TRY(config.intermediate_size, file.integer(prefix + "feed_forward_length"));
  FLYWHEEL_TRY(config.layer_count, file.integer(prefix + "block_count"));
  FLYWHEEL_TRY(config.head_count, file.integer(prefix + "attention.head_count"));
  FLYWHEEL_TRY(config.kv_head_count,
               integer_or(file, prefix + "attention.head_count_kv", config.head_count));
  FLYWHEEL_TRY(config.context_length_max, file.integer(prefix + "context_length"));
  const bool divides = config.head_count > 0 && config.hidden_size % config.head_count == 0;
  FLYWHEEL_TRY(config.head_size, integer_or(file, prefix + "attention.key_length",
                                            divides ? config.hidden_size / config.head_count : 0));
  FLYWHEEL_TRY(const std::int64_t value_size,
               integer_or(file, prefix + "attention.value_length", config.head_size));
  FLYWHEEL_TRY(const std::int64_t rotary_size,
               integer_or(file, prefix + "rope.dimension_count", config.head_size));
  if (value_size != config.head_size || rotary_size != config.head_size)
    return refuse(file,
                  "heads whose keys, values and rotary parts differ in size are not supported");
  return {};
}

}  // namespace

Result<ModelConfig> model_config_from_gguf(const GgufFile& file) {
  ModelConfig config;
  FLYWHEEL_TRY(config.architecture, file.text("general.architecture"));
  if (config.architecture != "llama" && config.architecture != "qwen2" &&
      config.architecture != "qwen3")
    return refuse(file, "architecture '" + config.architecture +
                            "' is unknown; llama, qwen2 and qwen3 are supported");
  const std::string prefix = config.architecture + ".";
  FLYWHEEL_TRY_VOID(refuse_variants(file, prefix));
  FLYWHEEL_TRY_VOID(read_sizes(file, prefix, config));
  FLYWHEEL_TRY(config.rms_norm_epsilon, file.number(prefix + "attention.layer_norm_rms_epsilon"));
  // The file rounds to single precision what config.json states as, say, 1e-05.
  config.rms_norm_epsilon =
      std::strtod(fmt::format("{:.6g}", config.rms_norm_epsilon).c_str(), nullptr);
  if (file.has(prefix + "rope.freq_base")) {
    FLYWHEEL_TRY(config.rope_theta, file.number(prefix + "rope.freq_base"));
  }
  config.tied_embeddings = !file.tensors().contains("output.weight");
  config.qkv_bias = config.architecture == "qwen2";
  config.qk_norm = config.architecture == "qwen3";
  FLYWHEEL_TRY(config.begin_token, token_or_none(file, "tokenizer.ggml.bos_token_id"));
  for (const char* name : {"eos", "eot"}) {
    FLYWHEEL_TRY(const Token end,
                 token_or_none(file, fmt::format("tokenizer.ggml.{}_token_id", name)));
    const bool is_new = config.end_tokens.empty() || config.end_tokens.front() != end;
    if (end >= 0 && is_new) config.end_tokens.push_back(end);
  }
  if (config.end_tokens.empty())
    return refuse(file,
                  "no token ends a turn: metadata key 'tokenizer.ggml.eos_token_id' is missing");
  FLYWHEEL_TRY_VOID(validate(config, file.path()));
  FLYWHEEL_TRY_VOID(read_rope_factors(file, config));
  FLYWHEEL_TRY_VOID(validate(config, file.path()));
  return config;
}

Result<GgufVocabulary> vocabulary_from_gguf(const GgufFile& file) {
  FLYWHEEL_TRY(const std::string kind, file.text("tokenizer.ggml.model"));
  if (kind != "gpt2")
    return refuse(file, "tokenizer '" + kind + "' is not supported; byte-level BPE ('gpt2') is");
  GgufVocabulary vocabulary;
  if (file.has("tokenizer.ggml.pre")) {
    FLYWHEEL_TRY(vocabulary.pre_tokenizer, file.text("tokenizer.ggml.pre"));
  }
  FLYWHEEL_TRY(vocabulary.tokens, file.texts("tokenizer.ggml.tokens"));
  FLYWHEEL_TRY(vocabulary.merges, file.texts("tokenizer.ggml.merges"));
  FLYWHEEL_TRY(const std::vector<std::int64_t> types, file.integers("tokenizer.ggml.token_type"));
  if (types.size() != vocabulary.tokens.size())
    return refuse(file, fmt::format("there are {} tokens and {} token types",
                                    vocabulary.tokens.size(), types.size()));
  for (const std::int64_t type : types)
    vocabulary.token_types.push_back(static_cast<std::int32_t>(type));
  FLYWHEEL_TRY(vocabulary.begin_token, token_or_none(file, "tokenizer.ggml.bos_token_id"));
  FLYWHEEL_TRY(vocabulary.end_token, token_or_none(file, "tokenizer.ggml.eos_token_id"));
  FLYWHEEL_TRY(vocabulary.unknown_token, token_or_none(file, "tokenizer.ggml.unknown_token_id"));
  FLYWHEEL_TRY(vocabulary.padding_token, token_or_none(file, "tokenizer.ggml.padding_token_id"));
  if (file.has("tokenizer.ggml.add_bos_token")) {
    FLYWHEEL_TRY(vocabulary.add_begin_token, file.flag("tokenizer.ggml.add_bos_token"));
  }
  return vocabulary;
}

std::string hugging_face_name(std::string_view gguf_name) {
  struct Pair {
    std::string_view gguf, hugging_face;
  };
  static constexpr Pair whole[] = {{"token_embd.weight", "model.embed_tokens.weight"},
                                   {"output_norm.weight", "model.norm.weight"},
                                   {"output.weight", "lm_head.weight"}};
  static constexpr Pair of_layer[] = {
      {"attn_norm", "input_layernorm"},    {"ffn_norm", "post_attention_layernorm"},
      {"attn_q", "self_attn.q_proj"},      {"attn_k", "self_attn.k_proj"},
      {"attn_v", "self_attn.v_proj"},      {"attn_output", "self_attn.o_proj"},
      {"attn_q_norm", "self_attn.q_norm"}, {"attn_k_norm", "self_attn.k_norm"},
      {"ffn_gate", "mlp.gate_proj"},       {"ffn_up", "mlp.up_proj"},
      {"ffn_down", "mlp.down_proj"}};
  for (const Pair& pair : whole)
    if (gguf_name == pair.gguf) return std::string{pair.hugging_face};
  // blk.N.PART.weight or blk.N.PART.bias
  if (!gguf_name.starts_with("blk.")) return {};
  const std::size_t layer_end = gguf_name.find('.', 4), part_end = gguf_name.rfind('.');
  if (layer_end == std::string_view::npos || part_end <= layer_end) return {};
  const std::string_view layer = gguf_name.substr(4, layer_end - 4);
  if (layer.empty() || layer.find_first_not_of("0123456789") != std::string_view::npos) return {};
  const std::string_view part = gguf_name.substr(layer_end + 1, part_end - layer_end - 1);
  const std::string_view kind = gguf_name.substr(part_end + 1);
  if (kind != "weight" && kind != "bias") return {};
  for (const Pair& pair : of_layer)
    if (part == pair.gguf)
      return fmt::format("model.layers.{}.{}.{}", layer, pair.hugging_face, kind);
  return {};
}

}  // namespace flywheel
