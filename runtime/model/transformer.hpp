// Transformer is a Llama-family decoder (RMSNorm, rotary positions, grouped-query attention,
// SwiGLU) with a forward and a hand-written backward pass over packed tokens.
//
// Every product with a weight runs over all rows of a TokenForest at once; attention runs over its
// trees. There is no padding, and beginnings that sequences share are computed once.
//
// Numbers (bfloat16; in float32 nothing is rounded): the residual stream is float32; norms are
// taken
//   in float32 and rounded for the product; queries and keys are rounded after rotation; scores and
//   softmax are float32; attention's output is rounded; gradients of weights add up in float32.
// Guarantees: bits do not depend on the number of threads beyond what the matrix library does.
// Threads:    one thread at a time.
#pragma once

#include <memory>
#include <span>

#include <torch/types.h>

#include "runtime/base/result.hpp"
#include "runtime/model/transformer_forest.hpp"
#include "runtime/model/transformer_layout.hpp"
#include "runtime/model/weights_handle.hpp"

namespace flywheel {

class Transformer {
 public:
  virtual ~Transformer() = default;

  virtual const ModelConfig& config() const = 0;
  virtual const ParameterLayout& layout() const = 0;
  virtual Precision precision() const = 0;

  // The flat buffer [layout().size] that forward and backward read, in this precision. Who writes
  // it between passes trains the model.
  virtual torch::Tensor parameters() const = 0;

  // Hidden states after the last norm, [rows, hidden] in this precision: a view of memory that the
  // next forward reuses. `keep` stores what backward() needs.
  virtual torch::Tensor forward(const TokenForest& forest, bool keep) = 0;

  // Adds the gradient of all parameters but an untied head to `gradient` [layout().size] float32,
  // given that of forward()'s result, [rows, hidden] in this precision. Follows forward(forest,
  // true).
  virtual void backward(const TokenForest& forest, const torch::Tensor& hidden_gradient,
                        const torch::Tensor& gradient) = 0;

  // Output embedding, [vocabulary, hidden].
  virtual torch::Tensor head() const = 0;
};

// Parameters are zero until copied in.
std::unique_ptr<Transformer> make_transformer(const ModelConfig& config, Precision precision);

// Copies weights into a flat buffer of this layout, converting to its type; refuses (invalid_input)
// a missing tensor or one of another shape.
Result<> copy_weights(const WeightsHandle& weights, const ParameterLayout& layout,
                      const torch::Tensor& flat);

// Tensors of their own memory from a flat buffer.
WeightsHandle weights_from_flat(const ModelConfig& config, const ParameterLayout& layout,
                                const torch::Tensor& flat, Precision precision);

// Logits of one sequence at every position, [tokens, vocabulary] float32: for tests and interop.
// Refuses an empty sequence, and tokens outside the vocabulary.
Result<torch::Tensor> sequence_logits(const WeightsHandle& weights, Precision precision,
                                      std::span<const Token> tokens);

// cos and sin of rotary angles (rope_frequencies.hpp), [2, positions, head_size / 2] float32.
torch::Tensor rotary_table(const ModelConfig& config, std::int64_t position_count);

}  // namespace flywheel
