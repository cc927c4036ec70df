#include "runtime/model/transformer_gemm.hpp"

#include <ATen/ops/mm.h>

namespace flywheel {

void linear_forward(const torch::Tensor& x, const torch::Tensor& w, const torch::Tensor& y) {
  auto out = y;
  if (y.scalar_type() == x.scalar_type())
    at::mm_out(out, x, w.t());
  else
    out.copy_(at::mm(x, w.t()));
}

void linear_input_gradient(const torch::Tensor& dy, const torch::Tensor& w,
                           const torch::Tensor& dx) {
  auto out = dx;
  at::mm_out(out, dy, w);
}

void linear_weight_gradient(const torch::Tensor& dy, const torch::Tensor& x,
                            const torch::Tensor& dw) {
  auto out = dw;
  if (dy.scalar_type() == dw.scalar_type())
    out.addmm_(dy.t(), x);
  else
    out.add_(at::mm(dy.t(), x));
}

}  // namespace flywheel
