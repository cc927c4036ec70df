// What the engine is measured against: a decoder in plain torch operations that computes everything
// anew for each token, and small models that answer with conviction.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "runtime/inference/engine.hpp"

namespace flywheel {

// Shapes with sizes that are no multiples of any vector or panel.
ModelConfig tiny_llama();   // 4 heads share 2 kv heads, tied
ModelConfig tiny_qwen2();   // QKV bias, untied
ModelConfig tiny_qwen3();   // QK norm, heads wider than hidden / heads
ModelConfig small_llama();  // 3 heads of 64 share a kv head, as SmolLM2

// Random weights whose logits spread over several nats.
WeightsHandle lively_weights(const ModelConfig& config, std::uint64_t seed);
WeightsHandle with_tensor_changed(const WeightsHandle& weights, const std::string& name, float by);
WeightsHandle without_tensor(const WeightsHandle& weights, const std::string& name);

// Log-probabilities of the next token after `tokens`, [vocabulary], in float32.
std::vector<float> reference_log_probabilities(const WeightsHandle& weights,
                                               const std::vector<Token>& tokens);

inline std::vector<Token> random_prompt(std::uint64_t seed, std::size_t size, Token vocabulary) {
  Random random(derive_key({seed, size}));
  std::vector<Token> prompt(size);
  for (Token& token : prompt)
    token = static_cast<Token>(random.below(static_cast<std::uint64_t>(vocabulary)));
  return prompt;
}

inline std::unique_ptr<Engine> engine_of(const WeightsHandle& weights, EngineConfig config = {}) {
  auto engine = make_engine(weights, 0, config);
  if (!engine) FAIL(engine.error().message);
  return std::move(*engine);
}

// Steps until the engine is idle; generations by id.
inline std::map<std::uint64_t, Generation> run_all(Engine& engine) {
  std::map<std::uint64_t, Generation> all;
  for (int step = 0; step < 100'000 && !engine.is_idle(); ++step)
    for (Generation& generation : engine.step().finished) {
      CHECK(all.count(generation.id) == 0);
      all[generation.id] = std::move(generation);
    }
  CHECK(engine.is_idle());
  return all;
}

}  // namespace flywheel
