#include "actors/commands/bench.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <sys/utsname.h>

#include "actors/commands/bench_cases.hpp"
#include "actors/commands/doctor.hpp"
#include "actors/commands/table.hpp"

namespace flywheel {

double ratio_of(const BenchFigure& figure) {
  if (figure.limit <= 0.0 || figure.value <= 0.0) return 0.0;
  return figure.higher_is_better ? figure.value / figure.limit : figure.limit / figure.value;
}

OrderedJson bench_json(const BenchReport& report) {
  const auto facts = machine_facts(".");
  utsname system{};
  uname(&system);
  OrderedJson figures = OrderedJson::array();
  for (const BenchFigure& figure : report.figures) {
    OrderedJson entry{{"name", figure.name},
                      {"value", figure.value},
                      {"unit", figure.unit},
                      {"better", figure.higher_is_better ? "higher" : "lower"}};
    if (figure.limit > 0.0) {
      entry["limit"] = figure.limit;
      entry["ratio"] = ratio_of(figure);
    }
    figures.push_back(std::move(entry));
  }
  return OrderedJson{{"bench", report.bench},
                     {"commit", FLYWHEEL_COMMIT},
                     {"machine",
                      {{"cpu", facts.cpu},
                       {"cores", facts.cores},
                       {"fast_bfloat16", facts.has_fast_bfloat16},
                       {"kernel", system.release}}},
                     {"figures", std::move(figures)}};
}

std::string bench_text(const BenchReport& report) {
  Table table{{{report.bench}, {"value", true}, {"unit"}, {"limit", true}, {"ratio", true}}, {}};
  for (const BenchFigure& figure : report.figures)
    table.rows.push_back({figure.name, fmt::format("{:.4g}", figure.value), figure.unit,
                          figure.limit > 0 ? fmt::format("{:.4g}", figure.limit) : "",
                          figure.limit > 0 ? fmt::format("{:.2f}", ratio_of(figure)) : ""});
  return table_text(table);
}

std::vector<std::string> bench_names() {
  std::vector<std::string> names;
  for (const BenchCase& each : bench_cases()) names.emplace_back(each.name);
  return names;
}

Result<BenchReport> run_bench(const std::string& name, const std::string& model, bool thorough) {
  for (const BenchCase& each : bench_cases())
    if (each.name == name) return each.run(model, thorough);
  std::string known;
  for (const auto& each : bench_names()) known += (known.empty() ? "" : ", ") + each;
  return fail(Failure::invalid_argument, "there is no bench '" + name + "': " + known);
}

}  // namespace flywheel
