// The kernels for AVX2 with FMA.
#include <cmath>
#include <cstdint>
#include <cstring>

#include <immintrin.h>

#include "runtime/model/transformer_kernels.hpp"

#define FLYWHEEL_ISA isa_avx2
#define FLYWHEEL_LANES 8
#pragma GCC target("arch=x86-64-v3")
#pragma GCC diagnostic ignored "-Wpsabi"  // vectors are passed between functions of this file alone
#include "runtime/model/transformer_attention_body.hpp"

namespace flywheel {

Kernels<float> avx2_float_kernels() {
  return isa_avx2::make_kernels<float>();
}
Kernels<Bfloat16> avx2_bfloat16_kernels() {
  return isa_avx2::make_kernels<Bfloat16>();
}

}  // namespace flywheel
