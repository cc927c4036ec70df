#include "runtime/inference/kernels.hpp"

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/model/weights_handle.hpp"

namespace flywheel {

extern const InferenceKernels kernels_x86_64_v2_float32, kernels_x86_64_v2_bfloat16;
extern const InferenceKernels kernels_avx2_float32, kernels_avx2_bfloat16;
extern const InferenceKernels kernels_avx512_float32, kernels_avx512_bfloat16;
extern const InferenceKernels kernels_avx512_bf16_float32, kernels_avx512_bf16_bfloat16;
extern const InferenceKernels kernels_amx_bf16_bfloat16;

namespace {

// Linux gives the tile registers to processes that ask for them, all threads at once.
bool may_use_amx() {
  constexpr long request_permission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long tile_data = 18;               // XFEATURE_XTILEDATA
  constexpr unsigned amx_bf16 = 1u << 22, amx_tile = 1u << 24;
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0) return false;
  if ((edx & amx_bf16) == 0 || (edx & amx_tile) == 0) return false;
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}

}  // namespace

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
  static const bool has_amx = may_use_amx();
  return has_amx ? InstructionSet::amx_bf16 : InstructionSet::avx512_bf16;
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
