// MetricStore keeps curves: points (run, name, step, value).
//
// Guarantees: a point written again replaces the one of its step, so that a resumed run repeats
// itself
//             without harm; every value keeps its bits (NaN and infinities too). Points are
//             buffered: the next synced write of anyone makes them durable.
// Threads:    any number.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base/id.hpp"
#include "storage/key_value_store.hpp"

namespace flywheel {

inline constexpr std::size_t metric_name_bytes_max = 96;
inline constexpr std::size_t metric_names_max = 2'000;  // of one run

struct MetricPoint {
  std::string name{};  // letters, digits and _ . / -
  std::uint64_t step = 0;
  double value = 0.0;
};

class MetricStore {
 public:
  explicit MetricStore(KeyValueStore& store) : store_(store) {}

  // invalid_argument: a bad name; resource_exhausted: too many names.
  Result<> append(RunId run, const std::vector<MetricPoint>& points,
                  Durability durability = Durability::buffered);
  Result<std::vector<std::string>> names(RunId run) const;
  Result<std::vector<MetricPoint>> series(RunId run, std::string_view name,
                                          std::uint64_t first_step = 0) const;  // by step

 private:
  KeyValueStore& store_;
};

}  // namespace flywheel
