// Products of bfloat16 matrices whose result stays float32, which LibTorch's operators do not offer
// on CPUs: logits rounded to bfloat16 would be off by up to 0.06. Torch-free.
//
// Guarantees: a row's bits depend on that row and the weight alone.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/model/transformer_kernels.hpp"

namespace flywheel {

// True where the CPU has AVX512-BF16 and can use it.
bool has_bf16_products();

// A weight [out, in] laid out for products: panels of 48 outputs, [in / 2][48] pairs of inputs.
struct Bf16Panels {
  static constexpr std::int64_t width = 48;

  std::int64_t out = 0, in = 0;  // `in` must be even
  std::vector<std::uint32_t> pairs{};

  std::int64_t count() const { return (out + width - 1) / width; }
};

void pack_panels(const Bfloat16* weight, std::int64_t out, std::int64_t in, Bf16Panels& panels);

// y[rows, out] = x[rows, in] weight^T. Only where has_bf16_products().
void multiply_panels(const Bfloat16* x, std::int64_t rows, const Bf16Panels& panels, float* y);

}  // namespace flywheel
