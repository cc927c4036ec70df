// ModelConfig is the shape of a Llama-family decoder, as config.json or GGUF metadata states it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/json.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/transcript.hpp"

namespace flywheel {

// "llama3" scaling of rotary frequencies; absent for most models.
struct RopeScaling {
  double factor = 1.0;
  double low_frequency_factor = 1.0;
  double high_frequency_factor = 4.0;
  std::int64_t original_context_length = 8192;

  bool operator==(const RopeScaling&) const = default;
};

struct ModelConfig {
  std::string architecture = "llama";  // "llama", "qwen2" or "qwen3"
  std::int64_t vocabulary_size = 0;
  std::int64_t hidden_size = 0;
  std::int64_t intermediate_size = 0;
  std::int64_t layer_count = 0;
  std::int64_t head_count = 0;
  std::int64_t kv_head_count = 0;
  std::int64_t head_size = 0;           // numbers a head; hidden_size / head_count unless stated
  std::int64_t context_length_max = 0;  // tokens
  double rope_theta = 10000.0;
  std::optional<RopeScaling> rope_scaling{};
  double rms_norm_epsilon = 1e-5;
  bool tied_embeddings = true;
  bool qkv_bias = false;            // Qwen2
  bool qk_norm = false;             // Qwen3
  std::vector<Token> end_tokens{};  // sampling one of these ends a turn
  Token begin_token = -1;           // -1 = none

  bool operator==(const ModelConfig&) const = default;
};

// Checks the shape (positive sizes, heads divide, a known architecture); `where` names the file.
Result<> validate(const ModelConfig& config, const std::string& where);

// config.json of Hugging Face, both ways.
Result<ModelConfig> model_config_from_json(const Json& json, const std::string& where);
Json to_json(const ModelConfig& config);

// Number of parameters; tied embeddings count once.
std::int64_t parameter_count(const ModelConfig& config);

}  // namespace flywheel
