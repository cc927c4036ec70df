// The kernels as avx2 runs them; compiled with its flags (CMakeLists.txt).
#include "runtime/inference/kernels/gemm.hpp"
#include "runtime/inference/kernels/rows.hpp"

namespace flywheel {

extern const InferenceKernels kernels_avx2_float32 = {
    "avx2, float32", gemm_tiles<float>, attend<float>, rotate_append<float>,
    rms_norm<float>, maximum,           exp_sums,      exps};
extern const InferenceKernels kernels_avx2_bfloat16 = {"avx2, bfloat16",   gemm_tiles<Bfloat16>,
                                                       attend<Bfloat16>,   rotate_append<Bfloat16>,
                                                       rms_norm<Bfloat16>, maximum,
                                                       exp_sums,           exps};

}  // namespace flywheel
