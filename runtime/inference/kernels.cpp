#include "runtime/inference/kernels.hpp"

#include "runtime/model/matrix_unit.hpp"
#include "runtime/model/weights_handle.hpp"

namespace flywheel {

extern const InferenceKernels kernels_x86_64_v2_float32, kernels_x86_64_v2_bfloat16;
extern const InferenceKernels kernels_avx2_float32, kernels_avx2_bfloat16;
extern const InferenceKernels kernels_avx512_float32, kernels_avx512_bfloat16;
extern const InferenceKernels kernels_avx512_bf16_float32, kernels_avx512_bf16_bfloat16;
extern const InferenceKernels kernels_amx_bf16_bfloat16;

std::int64_t gemm_tile_count(const Gemm& gemm) {
  return round_up(gemm.rows, row_group) / row_group *
         (round_up(gemm.n, panel_columns) / panel_columns);
}

InstructionSet best_instruction_set() {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
    return InstructionSet::x86_64_v2;
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("avx512dq"))
    return InstructionSet::avx2;
  if (!__builtin_cpu_supports("avx512bf16")) return InstructionSet::avx512;
  return has_matrix_unit() ? InstructionSet::amx_bf16 : InstructionSet::avx512_bf16;
}

const InferenceKernels& kernels_of(InstructionSet set, Precision precision) {
  const bool is_float = precision == Precision::float32;
  switch (set) {
    case InstructionSet::amx_bf16:
      return is_float ? kernels_avx512_bf16_float32 : kernels_amx_bf16_bfloat16;
    case InstructionSet::avx512_bf16:
      return is_float ? kernels_avx512_bf16_float32 : kernels_avx512_bf16_bfloat16;
    case InstructionSet::avx512:
      return is_float ? kernels_avx512_float32 : kernels_avx512_bfloat16;
    case InstructionSet::avx2:
      return is_float ? kernels_avx2_float32 : kernels_avx2_bfloat16;
    case InstructionSet::x86_64_v2:
      break;
  }
  return is_float ? kernels_x86_64_v2_float32 : kernels_x86_64_v2_bfloat16;
}

}  // namespace flywheel
