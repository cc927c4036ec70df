// The benches: one row each. A new one is a function and its row in bench_cases.cpp.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "actors/commands/bench.hpp"

namespace flywheel {

struct BenchCase {
  std::string_view name;
  std::string_view measures;
  Result<BenchReport> (*run)(const std::string& model, bool thorough);
};

std::span<const BenchCase> bench_cases();

// In bench_caas.cpp: containers have nothing to do with models.
Result<BenchReport> caas_bench(const std::string& model, bool thorough);

}  // namespace flywheel
