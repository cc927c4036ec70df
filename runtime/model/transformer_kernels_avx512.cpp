// The kernels for AVX-512.
#include <cmath>
#include <cstdint>
#include <cstring>

#include <immintrin.h>

#include "runtime/model/transformer_kernels.hpp"

#define FLYWHEEL_ISA isa_avx512
#define FLYWHEEL_LANES 16
#pragma GCC target("arch=x86-64-v4")
#pragma GCC diagnostic ignored "-Wpsabi"  // vectors are passed between functions of this file alone
#include "runtime/model/transformer_attention_body.hpp"

namespace flywheel {

Kernels<float> avx512_float_kernels() {
  return isa_avx512::make_kernels<float>();
}
Kernels<Bfloat16> avx512_bfloat16_kernels() {
  return isa_avx512::make_kernels<Bfloat16>();
}

}  // namespace flywheel
