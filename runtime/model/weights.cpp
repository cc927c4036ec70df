#include "runtime/model/weights.hpp"

#include <cmath>
#include <numbers>
#include <vector>

#include <ATen/Parallel.h>
#include <cpuid.h>
#include <fmt/format.h>
#include <torch/types.h>

#include "runtime/base/check.hpp"
#include "runtime/base/random.hpp"
#include "runtime/model/tensor_shapes.hpp"

namespace flywheel {
namespace {

// The tensors of a map as a list, so that they can be worked on in parallel.
std::vector<const std::pair<const std::string, torch::Tensor>*> list_of(const Weights& weights) {
  std::vector<const std::pair<const std::string, torch::Tensor>*> list;
  list.reserve(weights.tensors.size());
  for (const auto& entry : weights.tensors) list.push_back(&entry);
  return list;
}

Hash128 hash_tensor(const std::string& name, const torch::Tensor& tensor) {
  std::string label = name + "|" + c10::toString(tensor.scalar_type());
  for (const std::int64_t size : tensor.sizes()) label += fmt::format("|{}", size);
  const torch::Tensor on_cpu = tensor.detach().cpu().contiguous();
  return combine(hash_text(label), hash_bytes(on_cpu.data_ptr(), on_cpu.nbytes()));
}

std::uint64_t extended_state() {  // XCR0: which registers the system saves
  std::uint32_t low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return static_cast<std::uint64_t>(high) << 32 | low;
}

// Box and Muller 1958: two normal numbers of two uniform ones.
void fill_normal(Random rng, double deviation, float* numbers, std::int64_t count) {
  for (std::int64_t i = 0; i < count; i += 2) {
    const double radius = deviation * std::sqrt(-2.0 * std::log(1.0 - rng.unit()));
    const double angle = 2.0 * std::numbers::pi * rng.unit();
    numbers[i] = static_cast<float>(radius * std::cos(angle));
    if (i + 1 < count) numbers[i + 1] = static_cast<float>(radius * std::sin(angle));
  }
}

}  // namespace

const char* to_string(Precision precision) {
  return precision == Precision::bfloat16 ? "bfloat16" : "float32";
}

Precision fastest_precision() {
  std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || (ecx & bit_OSXSAVE) == 0)
    return Precision::float32;
  const std::uint64_t state = extended_state();
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0) return Precision::float32;
  const bool has_amx_bf16 = (edx >> 22 & 1) != 0 && (state & 0x60000) == 0x60000;
  const bool has_subleaf = eax >= 1;
  if (has_amx_bf16) return Precision::bfloat16;
  if (!has_subleaf || __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) == 0)
    return Precision::float32;
  const bool has_avx512_bf16 = (eax >> 5 & 1) != 0 && (state & 0xe6) == 0xe6;
  return has_avx512_bf16 ? Precision::bfloat16 : Precision::float32;
}

const ModelConfig& config_of(const WeightsHandle& weights) {
  FLYWHEEL_CHECK(weights != nullptr);
  return weights->config;
}

std::map<std::string, Hash128> tensor_hashes(const WeightsHandle& weights) {
  FLYWHEEL_CHECK(weights != nullptr);
  const auto list = list_of(*weights);
  std::vector<Hash128> hashes(list.size());
  at::parallel_for(
      0, static_cast<std::int64_t>(list.size()), 1, [&](std::int64_t begin, std::int64_t end) {
        for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i)
          hashes[i] = hash_tensor(list[i]->first, list[i]->second);
      });
  std::map<std::string, Hash128> by_name;
  for (std::size_t i = 0; i < list.size(); ++i) by_name.emplace(list[i]->first, hashes[i]);
  return by_name;
}

Hash128 content_hash(const WeightsHandle& weights) {
  Hash128 whole = hash_text("flywheel weights");
  for (const auto& [name, hash] : tensor_hashes(weights)) whole = combine(whole, hash);
  return whole;
}

WeightsHandle convert(const WeightsHandle& weights, Precision precision) {
  FLYWHEEL_CHECK(weights != nullptr);
  const torch::NoGradGuard no_gradient;
  const auto type = precision == Precision::bfloat16 ? torch::kBFloat16 : torch::kFloat32;
  bool is_same = true;
  auto converted = std::make_shared<Weights>();
  converted->config = weights->config;
  for (const auto& [name, tensor] : weights->tensors) {
    is_same = is_same && tensor.scalar_type() == type;
    converted->tensors.emplace(name, tensor.detach().to(type).contiguous());
  }
  return is_same ? weights : converted;
}

WeightsHandle random_weights(const ModelConfig& config, std::uint64_t seed) {
  auto weights = std::make_shared<Weights>();
  weights->config = config;
  for (const auto& [name, shape] : tensor_shapes(config)) {
    torch::Tensor tensor = torch::zeros(shape, torch::kFloat32);
    if (name.ends_with("norm.weight")) {
      tensor.fill_(1.0);
    } else if (!name.ends_with(".bias")) {
      const Hash128 label = hash_text(name);
      fill_normal(Random(derive_key({seed, label.high, label.low})), 0.02,
                  tensor.mutable_data_ptr<float>(), tensor.numel());
    }
    weights->tensors.emplace(name, std::move(tensor));
  }
  return weights;
}

}  // namespace flywheel
