// The kernels as x86_64_v2 runs them; compiled with its flags (CMakeLists.txt).
#include "runtime/inference/kernels/gemm.hpp"
#include "runtime/inference/kernels/rows.hpp"

namespace flywheel {

extern const InferenceKernels kernels_x86_64_v2_float32 = {
    "x86_64_v2, float32", gemm_tiles<float>, attend<float>, rotate_append<float>,
    rms_norm<float>,      maximum,           exp_sums,      exps};
extern const InferenceKernels kernels_x86_64_v2_bfloat16 = {"x86_64_v2, bfloat16",
                                                            gemm_tiles<Bfloat16>,
                                                            attend<Bfloat16>,
                                                            rotate_append<Bfloat16>,
                                                            rms_norm<Bfloat16>,
                                                            maximum,
                                                            exp_sums,
                                                            exps};

}  // namespace flywheel
