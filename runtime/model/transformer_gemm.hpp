// The matrix products of a linear layer Y = X W^T, forward and backward, in one precision.
#pragma once

#include <torch/types.h>

#include "runtime/model/transformer_gemm_bf16.hpp"

namespace flywheel {

// y[N, out] = x[N, in] w[out, in]^T, rounded to their type.
void linear_forward(const torch::Tensor& x, const torch::Tensor& w, const torch::Tensor& y);

// dx[N, in] = dy[N, out] w[out, in].
void linear_input_gradient(const torch::Tensor& dy, const torch::Tensor& w,
                           const torch::Tensor& dx);

// dw[out, in] += dy[N, out]^T x[N, in]; dw is float32. In bfloat16 the product is rounded before it
// is added.
void linear_weight_gradient(const torch::Tensor& dy, const torch::Tensor& x,
                            const torch::Tensor& dw);

// The output embedding, for logits that are not rounded.
class LogitWeight {
 public:
  // Reads w [vocabulary, hidden] again; call it when w has changed.
  void refresh(const torch::Tensor& w);

  // y[N, vocabulary] float32 = x[N, hidden] w^T.
  void multiply(const torch::Tensor& x, const torch::Tensor& y) const;

 private:
  torch::Tensor weight_;  // float32, where there are no panels
  Bf16Panels panels_;
};

}  // namespace flywheel
