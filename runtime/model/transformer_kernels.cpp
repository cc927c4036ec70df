#include "runtime/model/transformer_kernels.hpp"

namespace flywheel {

Kernels<float> avx512_float_kernels();
Kernels<Bfloat16> avx512_bfloat16_kernels();
Kernels<float> avx2_float_kernels();
Kernels<Bfloat16> avx2_bfloat16_kernels();
Kernels<float> generic_float_kernels();
Kernels<Bfloat16> generic_bfloat16_kernels();

std::int64_t attention_scratch_floats(std::int64_t position_count, std::int64_t head_size) {
  const auto pad = [](std::int64_t count) { return (count + 15) / 16 * 16; };
  constexpr std::int64_t query_block = 32;
  return pad(head_size) * (6 * pad(position_count) + 2 * query_block) +
         2 * query_block * pad(position_count);
}

template <>
const Kernels<float>& kernels() {
  static const auto chosen = __builtin_cpu_supports("x86-64-v4")   ? avx512_float_kernels()
                             : __builtin_cpu_supports("x86-64-v3") ? avx2_float_kernels()
                                                                   : generic_float_kernels();
  return chosen;
}

template <>
const Kernels<Bfloat16>& kernels() {
  static const auto chosen = __builtin_cpu_supports("x86-64-v4")   ? avx512_bfloat16_kernels()
                             : __builtin_cpu_supports("x86-64-v3") ? avx2_bfloat16_kernels()
                                                                   : generic_bfloat16_kernels();
  return chosen;
}

}  // namespace flywheel
