// The matrix products of a linear layer Y = X W^T, forward and backward, in one precision.
#pragma once

#include <torch/types.h>

namespace flywheel {

// y[N, out] = x[N, in] w[out, in]^T, rounded to y's type (float32 is possible for bfloat16 inputs).
void linear_forward(const torch::Tensor& x, const torch::Tensor& w, const torch::Tensor& y);

// dx[N, in] = dy[N, out] w[out, in].
void linear_input_gradient(const torch::Tensor& dy, const torch::Tensor& w,
                           const torch::Tensor& dx);

// dw[out, in] += dy[N, out]^T x[N, in]; dw is float32.
void linear_weight_gradient(const torch::Tensor& dy, const torch::Tensor& x,
                            const torch::Tensor& dw);

}  // namespace flywheel
