// What this machine multiplies a second, measured on the shapes of a model: the limit that plans
// and benches compare with.
#pragma once

#include "runtime/model/model_config.hpp"

namespace flywheel {

struct MachineRates {
  double gemm_flops_float32 = 0.0;  // floating-point operations a second, all cores
  double gemm_flops_bfloat16 = 0.0;
};

// Multiplies [rows, hidden] by the model's MLP shape for about 0.2 s each.
MachineRates measure_machine_rates(const ModelConfig& model);

}  // namespace flywheel
