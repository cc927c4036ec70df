#include "runtime/model/transformer_gemm.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>

#include "runtime/model/transformer_parallel.hpp"

namespace flywheel {

void linear_forward(const torch::Tensor& x, const torch::Tensor& w, const torch::Tensor& y) {
  auto out = y;
  at::mm_out(out, x, w.t());
}

void linear_input_gradient(const torch::Tensor& dy, const torch::Tensor& w,
                           const torch::Tensor& dx) {
  auto out = dx;
  at::mm_out(out, dy, w);
}

void linear_weight_gradient(const torch::Tensor& dy, const torch::Tensor& x,
                            const torch::Tensor& dw) {
  if (dy.scalar_type() == dw.scalar_type()) {
    dw.addmm_(dy.t(), x);
    return;
  }
  // Kept, because fresh pages for every product would cost more than the addition.
  thread_local torch::Tensor memory;
  if (!memory.defined() || memory.numel() < dw.numel())
    memory = at::empty({dw.numel()}, dy.scalar_type());
  auto product = memory.narrow(0, 0, dw.numel()).view(dw.sizes());
  at::mm_out(product, dy.t(), x);
  const auto* from = static_cast<const Bfloat16*>(product.data_ptr());
  float* to = dw.data_ptr<float>();
  parallel_for(dw.numel(), 65'536, [&](std::int64_t begin, std::int64_t end) {
    kernels<Bfloat16>().add_to_float(end - begin, from + begin, to + begin);
  });
}

void LogitWeight::refresh(const torch::Tensor& w) {
  if (w.scalar_type() == torch::kBFloat16 && has_bf16_products() && w.size(1) % 2 == 0)
    pack_panels(static_cast<const Bfloat16*>(w.data_ptr()), w.size(0), w.size(1), panels_);
  else
    weight_ = w.to(torch::kFloat);
}

void LogitWeight::multiply(const torch::Tensor& x, const torch::Tensor& y) const {
  auto out = y;
  if (weight_.defined())
    at::mm_out(out, x.to(torch::kFloat), weight_.t());
  else
    multiply_panels(static_cast<const Bfloat16*>(x.data_ptr()), x.size(0), panels_,
                    y.data_ptr<float>());
}

}  // namespace flywheel
