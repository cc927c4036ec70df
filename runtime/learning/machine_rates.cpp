#include "runtime/learning/machine_rates.hpp"

#include <chrono>

#include <torch/types.h>

namespace flywheel {
namespace {

constexpr std::int64_t rows = 1024;
constexpr std::chrono::duration<double> patience{0.2};

double gemm_rate(std::int64_t inner, std::int64_t columns, torch::ScalarType type) {
  torch::NoGradGuard no_grad;
  const auto left = torch::randn({rows, inner}).to(type);
  const auto right = torch::randn({columns, inner}).to(type).t();
  auto product = torch::matmul(left, right);  // the first call sets things up
  std::int64_t count = 0;
  const auto start = std::chrono::steady_clock::now();
  std::chrono::duration<double> elapsed{0};
  while (elapsed < patience) {
    torch::matmul_out(product, left, right);
    ++count;
    elapsed = std::chrono::steady_clock::now() - start;
  }
  return 2.0 * static_cast<double>(rows * inner * columns * count) / elapsed.count();
}

}  // namespace

MachineRates measure_machine_rates(const ModelConfig& model) {
  const auto columns = 2 * model.intermediate_size;  // gate and up together
  return {.gemm_flops_float32 = gemm_rate(model.hidden_size, columns, torch::kFloat32),
          .gemm_flops_bfloat16 = gemm_rate(model.hidden_size, columns, torch::kBFloat16)};
}

}  // namespace flywheel
