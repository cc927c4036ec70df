// ContinuousEngine is the Engine of engine.hpp.
//
//   submit ─▶ waiting ─admit─▶ active: prompt (in parts of prefill_tokens_max) ─▶ one token a step
//
// A sequence enters the forward pass as rows (decoder.hpp), so prompts and decoding mix in one
// pass. A sequence that begins as another does takes over its KV blocks; where the other's prompt
// is still being computed it waits for it, and a sequence with the very same prompt computes
// nothing at all. Blocks are never taken over across a swap of weights.
#pragma once

#include <deque>
#include <memory>
#include <unordered_set>
#include <vector>

#include "runtime/inference/decoder.hpp"
#include "runtime/inference/engine.hpp"
#include "runtime/inference/prefix_store.hpp"
#include "runtime/inference/token_sampler.hpp"

namespace flywheel {

class ContinuousEngine final : public Engine {
 public:
  ContinuousEngine(std::unique_ptr<ThreadTeam> team, std::shared_ptr<const PackedModel> model,
                   PolicyVersion version, const EngineConfig& config);

  Result<> submit(GenerateRequest request) override;
  bool cancel(std::uint64_t id) override;
  StepReport step() override;
  Result<Hash128> swap_weights(const WeightsHandle& weights, PolicyVersion version) override;
  bool is_idle() const override;
  EngineCounts counts() const override;
  PolicyVersion version() const override { return version_; }

 private:
  static constexpr std::uint32_t no_row = 0xffffffff;

  struct Sequence {
    GenerateRequest request{};
    std::vector<Token> tokens{};  // the prompt, then what is sampled
    HeldBlocks held{};
    std::int64_t computed = 0;         // positions in the cache before this step's pass
    std::int64_t planned = 0;          // positions in the cache after it
    std::uint64_t weights_number = 0;  // the swap under which position 0 was computed
    bool is_begun = false;
    std::uint32_t logits_row = no_row;  // of this step's pass, where a token is due
    TokenChoice choice{};
    Generation result{};

    std::int64_t prompt_size() const { return static_cast<std::int64_t>(request.prompt.size()); }
    std::int64_t positions_max() const {  // the last token sampled is never computed
      return prompt_size() + static_cast<std::int64_t>(request.sampling.tokens_max) - 1;
    }
  };
  using SequencePointer = std::unique_ptr<Sequence>;

  Result<> check(const GenerateRequest& request) const;
  void admit();
  void plan_rows();
  bool begin(Sequence& sequence);
  void plan(Sequence& sequence, std::int64_t count);
  void sample(const float* logits);
  void advance(StepReport& report);
  FinishReason finish_of(const Sequence& sequence) const;
  void finish(Sequence& sequence, FinishReason reason, StepReport& report);
  std::vector<BlockNeed> needs() const;

  const EngineConfig config_;
  std::unique_ptr<ThreadTeam> team_;
  std::shared_ptr<const PackedModel> model_;
  PolicyVersion version_;
  std::uint64_t weights_number_ = 0;  // counts swaps
  Decoder decoder_;
  mutable PrefixStore store_;

  std::deque<SequencePointer> waiting_{};
  std::vector<SequencePointer> active_{};  // in order of arrival
  std::unordered_set<std::uint64_t> ids_{};
  std::vector<Generation> cancelled_{};  // to be reported with the next step
  EngineCounts counts_{};

  std::vector<DecoderRow> rows_{};
  std::vector<std::uint32_t> wanted_{};  // rows whose logits are due
  std::uint32_t prompt_budget_ = 0;      // prompt tokens this step may still compute
};

}  // namespace flywheel
