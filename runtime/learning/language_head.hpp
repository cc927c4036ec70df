// LanguageHead turns hidden states into log-probabilities of the tokens that carry loss, and their
// gradients back, some rows at a time: the [tokens, vocabulary] matrix never exists as a whole.
//
//   hidden ─▶ logits of a chunk ─▶ log pi, entropy ─▶ (slopes) ─▶ d logits ─▶ d hidden, d head
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include <torch/types.h>

#include "runtime/learning/batch_plan.hpp"
#include "runtime/model/transformer.hpp"
#include "runtime/model/transformer_gemm.hpp"

namespace flywheel {

struct TokenScores {
  std::vector<float> log_probabilities{};
  std::vector<float> entropies{};  // nats
};

// Fills d loss / d log pi of entries begin to end - 1, whose scores are known by then.
using SlopeFunction = std::function<void(std::size_t begin, std::size_t end,
                                         const TokenScores& scores, std::span<float> slopes)>;

class LanguageHead {
 public:
  explicit LanguageHead(Transformer& model);

  // Rows whose logits exist at once.
  static std::int64_t chunk_rows(std::int64_t vocabulary);

  // Reads the output embedding again; call it when the model's parameters have changed.
  void refresh() { weight_.refresh(model_.head()); }

  // Log-probability and entropy of each entry's target.
  TokenScores score(const torch::Tensor& hidden, std::span<const LossEntry> entries);

  // The same, and both gradients: `hidden_gradient` [rows, hidden] in the model's precision is
  // overwritten, `gradient` is the flat buffer that the head's part is added to.
  TokenScores score_and_differentiate(const torch::Tensor& hidden,
                                      std::span<const LossEntry> entries,
                                      const SlopeFunction& slopes,
                                      const torch::Tensor& hidden_gradient,
                                      const torch::Tensor& gradient);

 private:
  // Computes logits of a chunk and the scores of its entries; returns the gathered hidden states.
  torch::Tensor score_chunk(const torch::Tensor& hidden, std::span<const LossEntry> entries,
                            std::size_t begin, TokenScores& scores);

  Transformer& model_;
  std::int64_t chunk_rows_;
  LogitWeight weight_;
  torch::Tensor logits_, logits_gradient_, rows_, rows_gradient_, sums_;
  std::vector<float> log_sums_;
};

}  // namespace flywheel
