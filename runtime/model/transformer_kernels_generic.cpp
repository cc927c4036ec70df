// The kernels for every x86-64 CPU, and other architectures.
#include <cmath>
#include <cstdint>
#include <cstring>

#include "runtime/model/transformer_kernels.hpp"

#define FLYWHEEL_ISA isa_generic
#define FLYWHEEL_LANES 4
#pragma GCC diagnostic ignored "-Wpsabi"  // vectors are passed between functions of this file alone
#include "runtime/model/transformer_attention_body.hpp"

namespace flywheel {

Kernels<float> generic_float_kernels() {
  return isa_generic::make_kernels<float>();
}
Kernels<Bfloat16> generic_bfloat16_kernels() {
  return isa_generic::make_kernels<Bfloat16>();
}

}  // namespace flywheel
