// Counters, gauges and histograms that a node shows on /metrics as Prometheus text.
//
//   static Counter& tokens = metrics().counter("flywheel_sampler_tokens_total", "Tokens sampled.");
//   tokens.add(48);
//
// Names have the prefix `flywheel_` and the base unit (`_seconds`, `_bytes`, `_ratio`), counters
// end in
// `_total`; no ids of users, requests or containers in labels.
//
// Guarantees: an update is a few relaxed atomic operations; what counter(), gauge() and histogram()
//             return lives as long as the registry and is the same for the same name and labels; a
//             name has at most `series_count_max` label sets, all further ones share one whose
//             values are "other". A wrong name, or one name with two kinds, is our bug.
// Threads:    every function may be called from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flywheel {

class Counter {
 public:
  void add(std::uint64_t by = 1) { value_.fetch_add(by, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class Gauge {
 public:
  void set(double value) { value_.store(value, std::memory_order_relaxed); }
  void add(double by) { value_.fetch_add(by, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0.0};
};

class Histogram {
 public:
  // Upper bounds, ascending; the last bucket (+Inf) is implied.
  explicit Histogram(std::vector<double> bounds);

  void observe(double value);  // a NaN is counted in +Inf only, and left out of the sum

  const std::vector<double>& bounds() const { return bounds_; }
  std::vector<std::uint64_t> counts() const;  // per bucket, not cumulated; the last is +Inf
  double sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  std::vector<double> bounds_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> counts_;
  std::atomic<double> sum_{0.0};
};

using MetricLabels = std::vector<std::pair<std::string, std::string>>;  // name, value

// 100 microseconds to 60 seconds, about three a decade.
const std::vector<double>& seconds_buckets();

class Metrics {
 public:
  static constexpr std::size_t series_count_max = 256;

  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  Counter& counter(std::string_view name, std::string_view help, const MetricLabels& labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, const MetricLabels& labels = {});
  Histogram& histogram(std::string_view name, std::string_view help,
                       const MetricLabels& labels = {},
                       const std::vector<double>& bounds = seconds_buckets());

  // Text format 0.0.4, families and label sets sorted.
  std::string text() const;

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

// The process's own registry.
Metrics& metrics();

// What /metrics answers: the process's registry, and its memory, CPU time and open files.
std::string metrics_text();

}  // namespace flywheel
