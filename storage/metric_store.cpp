#include "storage/metric_store.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "storage/keys.hpp"
#include "storage/record_envelope.hpp"
#include "storage/record_format.hpp"
#include "storage/stored_records.hpp"

namespace flywheel {
namespace {

constexpr std::size_t id_bytes = 16;

Result<> check_name(std::string_view name) {
  const bool has_good_letters = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '/' || c == '-';
  });
  if (!name.empty() && name.size() <= metric_name_bytes_max && has_good_letters) return {};
  return fail(Failure::invalid_argument,
              fmt::format("'{}' is no metric's name: 1 to {} letters, digits and _ . / - are", name,
                          metric_name_bytes_max));
}

}  // namespace

Result<> MetricStore::append(RunId run, const std::vector<MetricPoint>& points,
                             Durability durability) {
  WriteBatch batch;
  std::set<std::string_view> new_names;
  for (const MetricPoint& point : points) {
    FLYWHEEL_TRY_VOID(check_name(point.name));
    const std::string name_key = metric_name_key(RecordKind::metric_name, run, point.name);
    FLYWHEEL_TRY(const bool is_known, has_record(store_, name_key));
    if (!is_known && new_names.insert(point.name).second)
      batch.put(name_key, seal_mark(RecordKind::metric_name));
    batch.put(metric_point_key(run, point.name, point.step), encode_metric(point.value));
  }
  if (!new_names.empty()) {
    FLYWHEEL_TRY(const auto known, names(run));
    if (known.size() + new_names.size() > metric_names_max)
      return fail(Failure::resource_exhausted,
                  fmt::format("{} has {} metrics already: more than {} are refused", to_string(run),
                              known.size(), metric_names_max));
  }
  return batch.empty() ? Result<>{} : store_.write(batch, durability);
}

Result<std::vector<std::string>> MetricStore::names(RunId run) const {
  std::vector<std::string> names;
  const auto visit = [&](std::string_view key, std::string_view) {
    key.remove_prefix(1 + id_bytes);
    names.emplace_back(key.substr(0, key.find('\0')));
    return true;
  };
  FLYWHEEL_TRY_VOID(store_.scan(id_key(RecordKind::metric_name, run), visit));
  return names;
}

Result<std::vector<MetricPoint>> MetricStore::series(RunId run, std::string_view name,
                                                     std::uint64_t first_step) const {
  std::vector<MetricPoint> points;
  std::optional<Error> refusal;
  const std::string prefix = metric_name_key(RecordKind::metric_point, run, name);
  const auto visit = [&](std::string_view key, std::string_view bytes) {
    const auto value = decode_metric(key, bytes);
    if (!value) {
      refusal = value.error();
      return false;
    }
    points.push_back({std::string{name}, number_in_key(key, prefix.size() - 1), *value});
    return true;
  };
  FLYWHEEL_TRY_VOID(store_.scan(prefix, visit, metric_point_key(run, name, first_step)));
  if (refusal) return fail(std::move(*refusal));
  return points;
}

}  // namespace flywheel
