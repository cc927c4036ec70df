// The shape of a bench's answer (design.md, section 6): figures, each beside the hardware limit
// that was measured in the same run.
#pragma once

#include <string>
#include <vector>

#include "runtime/base/json.hpp"
#include "runtime/base/result.hpp"

namespace flywheel {

struct BenchFigure {
  std::string name{};
  double value = 0.0;
  std::string unit{};
  bool higher_is_better = true;
  double limit = 0.0;  // measured in the same run; 0 = none
};

struct BenchReport {
  std::string bench{};
  std::vector<BenchFigure> figures{};
};

// 1.0 at the limit, for either direction.
double ratio_of(const BenchFigure& figure);
OrderedJson bench_json(const BenchReport& report);
std::string bench_text(const BenchReport& report);

// The benches by name: sampler, learner, step, ledger. `thorough` may take longer than a minute.
Result<BenchReport> run_bench(const std::string& name, const std::string& model, bool thorough);
std::vector<std::string> bench_names();

}  // namespace flywheel
