// Engine samples from a model: continuous batching over a KV cache. Tokens in, tokens out.
//
// Sequences join and leave between decode steps; the prompt of a group is computed once; weights
// swap between decode steps without losing sequences. What a sequence samples depends on its
// tokens, its key, its parameters and the weights alone, not on its batch mates.
//
// Threads: one thread at a time; every call but step() is quick.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/random.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/transcript.hpp"
#include "runtime/model/weights_handle.hpp"

namespace flywheel {

struct EngineConfig {
  Precision precision = Precision::float32;  // of weights, activations and KV cache
  std::uint32_t sequences_max = 64;          // decoded together; more wait in order of arrival
  std::uint32_t queue_max = 4096;            // waiting; one more is refused (resource_exhausted)
  std::uint32_t context_length_max = 2048;   // tokens a sequence; at most the model's own
  std::uint64_t kv_bytes_max = 0;            // bytes of KV cache; 0 = what sequences_max needs
  std::uint32_t prefill_tokens_max = 2048;   // prompt tokens computed in one step
  int threads = 0;                           // 0 = all cores
};

struct SamplingParameters {
  double temperature = 1.0;  // 0 = greedy
  std::uint32_t top_k = 0;   // 0 = off
  double top_p = 1.0;        // 1 = off
  std::uint32_t tokens_max = 48;
  bool ignore_end = false;           // sample tokens_max tokens whatever they are: for benches
  std::vector<Token> stop_tokens{};  // besides the model's own end tokens
  std::vector<std::vector<Token>> stop_sequences{};
};

struct GenerateRequest {
  std::uint64_t id = 0;         // the caller's; unique among those in flight
  std::vector<Token> prompt{};  // all tokens before the first sampled one; equal prompts share work
  SamplingParameters sampling{};
  RandomKey key{};  // this sequence's generator
};

// Tokens sampled under one policy version.
struct VersionRun {
  PolicyVersion version = 0;
  std::uint32_t token_count = 0;
};

struct Generation {
  std::uint64_t id = 0;
  std::vector<Token> tokens{};  // the end token included
  // Of each token under the full softmax at temperature 1, whatever temperature, top_k and top_p it
  // was sampled with. The learner's are the same, so an importance weight between the two corrects
  // for older weights and not for these three.
  std::vector<float> log_probabilities{};
  std::vector<VersionRun> versions{};  // in order; token counts add up to tokens.size()
  FinishReason finish = FinishReason::none;
  std::uint32_t prompt_tokens_reused = 0;  // prompt tokens that another sequence had computed
  std::string failure{};  // why the engine itself cancelled it; empty where it did not
};

// A token as it is sampled, for streams.
struct SampledToken {
  std::uint64_t id = 0;
  Token token = 0;
};

struct StepReport {
  std::vector<Generation> finished{};
  std::vector<SampledToken> sampled{};  // all tokens of this step, in order of request
  std::uint32_t prompt_tokens = 0;      // computed in this step
};

struct EngineCounts {
  std::uint32_t active = 0;
  std::uint32_t waiting = 0;
  std::uint64_t tokens_sampled = 0;  // since start
  std::uint64_t prompt_tokens_computed = 0;
  std::uint64_t prompt_tokens_reused = 0;
  std::uint64_t kv_bytes = 0;  // in use
};

class Engine {
 public:
  virtual ~Engine() = default;

  // Refuses an empty prompt, tokens outside the vocabulary, prompt + tokens_max over the context,
  // an id already in flight (invalid_argument), a full queue (resource_exhausted).
  virtual Result<> submit(GenerateRequest request) = 0;

  // True if the sequence was in flight; its Generation comes with the next step(), finish
  // cancelled.
  virtual bool cancel(std::uint64_t id) = 0;

  // Admits what waits, computes its prompts and one token for every active sequence.
  virtual StepReport step() = 0;

  // Tokens sampled from now on carry `version`. Sequences in flight go on with the KV cache they
  // have. Returns the content hash of what the engine now holds, computed from its own copy, as
  // content_hash() of the handle converted to the engine's precision would be. On error the old
  // weights stay.
  virtual Result<Hash128> swap_weights(const WeightsHandle& weights, PolicyVersion version) = 0;

  virtual bool is_idle() const = 0;  // nothing active, nothing waiting
  virtual EngineCounts counts() const = 0;
  virtual PolicyVersion version() const = 0;
};

Result<std::unique_ptr<Engine>> make_engine(const WeightsHandle& weights, PolicyVersion version,
                                            const EngineConfig& config);

}  // namespace flywheel
