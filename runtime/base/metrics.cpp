#include "runtime/base/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include "runtime/base/check.hpp"

namespace flywheel {

namespace {

bool is_name(std::string_view name) {
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

std::string escape(std::string_view text, bool is_label) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\')
      escaped += "\\\\";
    else if (c == '\n')
      escaped += "\\n";
    else if (c == '"' && is_label)
      escaped += "\\\"";
    else
      escaped += c;
  }
  return escaped;
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

// `route="/v1/runs",code="200"`, sorted by name.
std::string label_text(MetricLabels labels) {
  std::sort(labels.begin(), labels.end());
  std::string text;
  for (const auto& [name, value] : labels) {
    FLYWHEEL_CHECK(is_name(name));
    text += (text.empty() ? "" : ",") + name + "=\"" + escape(value, true) + "\"";
  }
  return text;
}

std::string braced(const std::string& labels) {
  return labels.empty() ? "" : "{" + labels + "}";
}

void append(std::string& text, const std::string& name, const std::string& labels,
            const Counter& counter) {
  text += fmt::format("{}{} {}\n", name, braced(labels), counter.value());
}

void append(std::string& text, const std::string& name, const std::string& labels,
            const Gauge& gauge) {
  text += fmt::format("{}{} {}\n", name, braced(labels), number(gauge.value()));
}

void append(std::string& text, const std::string& name, const std::string& labels,
            const Histogram& histogram) {
  const std::string comma = labels.empty() ? "" : labels + ",";
  const auto counts = histogram.counts();
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    total += counts[i];
    const bool is_last = i == histogram.bounds().size();
    text += fmt::format("{}_bucket{{{}le=\"{}\"}} {}\n", name, comma,
                        is_last ? "+Inf" : number(histogram.bounds()[i]), total);
  }
  text += fmt::format("{}_sum{} {}\n", name, braced(labels), number(histogram.sum()));
  text += fmt::format("{}_count{} {}\n", name, braced(labels), total);
}

template <class Metric>
struct Family {
  std::string help;
  std::map<std::string, std::unique_ptr<Metric>> series;  // by label text
};

template <class Metric>
using Families = std::map<std::string, Family<Metric>, std::less<>>;

template <class Metric, class Make>
Metric& find_or_make(Families<Metric>& families, std::string_view name, std::string_view help,
                     const MetricLabels& labels, Make make) {
  FLYWHEEL_CHECK(is_name(name) && name.starts_with("flywheel_"));
  Family<Metric>& family = families.try_emplace(std::string{name}).first->second;
  if (family.help.empty()) family.help = help;
  std::string key = label_text(labels);
  auto found = family.series.find(key);
  if (found == family.series.end() && family.series.size() + 1 >= Metrics::series_count_max) {
    MetricLabels others = labels;
    for (auto& label : others) label.second = "other";
    key = label_text(std::move(others));
    found = family.series.find(key);
  }
  if (found == family.series.end()) found = family.series.emplace(key, make()).first;
  return *found->second;
}

template <class Metric>
void append_families(std::map<std::string, std::string>& texts, const Families<Metric>& families,
                     const char* type) {
  for (const auto& [name, family] : families) {
    std::string& text = texts[name];
    text =
        fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, escape(family.help, false), name, type);
    for (const auto& [labels, metric] : family.series) append(text, name, labels, *metric);
  }
}

}  // namespace

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)),
      counts_(std::make_unique<std::atomic<std::uint64_t>[]>(bounds_.size() + 1)) {
  FLYWHEEL_CHECK(std::is_sorted(bounds_.begin(), bounds_.end()));
}

void Histogram::observe(double value) {
  const bool is_number = !std::isnan(value);
  const auto bound =
      is_number ? std::lower_bound(bounds_.begin(), bounds_.end(), value) : bounds_.end();
  counts_[static_cast<std::size_t>(bound - bounds_.begin())].fetch_add(1,
                                                                       std::memory_order_relaxed);
  if (is_number) sum_.fetch_add(value, std::memory_order_relaxed);
}

std::vector<std::uint64_t> Histogram::counts() const {
  std::vector<std::uint64_t> counts(bounds_.size() + 1);
  for (std::size_t i = 0; i < counts.size(); ++i)
    counts[i] = counts_[i].load(std::memory_order_relaxed);
  return counts;
}

const std::vector<double>& seconds_buckets() {
  static const std::vector<double> bounds{0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1,
                                          0.3,    1,      3,     10,    30,   60};
  return bounds;
}

struct Metrics::Inner {
  mutable std::mutex mutex;
  Families<Counter> counters;
  Families<Gauge> gauges;
  Families<Histogram> histograms;
};

Metrics::Metrics() : inner_(std::make_unique<Inner>()) {}
Metrics::~Metrics() = default;

Counter& Metrics::counter(std::string_view name, std::string_view help,
                          const MetricLabels& labels) {
  FLYWHEEL_CHECK(name.ends_with("_total"));
  const std::lock_guard lock{inner_->mutex};
  return find_or_make(inner_->counters, name, help, labels,
                      [] { return std::make_unique<Counter>(); });
}

Gauge& Metrics::gauge(std::string_view name, std::string_view help, const MetricLabels& labels) {
  FLYWHEEL_CHECK(!name.ends_with("_total"));
  const std::lock_guard lock{inner_->mutex};
  FLYWHEEL_CHECK(!inner_->histograms.contains(name));
  return find_or_make(inner_->gauges, name, help, labels, [] { return std::make_unique<Gauge>(); });
}

Histogram& Metrics::histogram(std::string_view name, std::string_view help,
                              const MetricLabels& labels, const std::vector<double>& bounds) {
  FLYWHEEL_CHECK(!name.ends_with("_total"));
  const std::lock_guard lock{inner_->mutex};
  FLYWHEEL_CHECK(!inner_->gauges.contains(name));
  return find_or_make(inner_->histograms, name, help, labels,
                      [&] { return std::make_unique<Histogram>(bounds); });
}

std::string Metrics::text() const {
  const std::lock_guard lock{inner_->mutex};
  std::map<std::string, std::string> texts;
  append_families(texts, inner_->counters, "counter");
  append_families(texts, inner_->gauges, "gauge");
  append_families(texts, inner_->histograms, "histogram");
  std::string all;
  for (const auto& entry : texts) all += entry.second;
  return all;
}

Metrics& metrics() {
  // Never destroyed: threads that outlive main() may still count.
  static Metrics* const registry = new Metrics;
  return *registry;
}

std::string metrics_text() {
  long all_pages = 0, pages = 0;
  std::ifstream{"/proc/self/statm"} >> all_pages >> pages;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  std::error_code error;
  const std::filesystem::directory_iterator open_files{"/proc/self/fd", error};
  const auto open_file_count = error ? 0 : std::distance(begin(open_files), end(open_files));
  return metrics().text() +
         fmt::format(
             "# HELP flywheel_process_cpu_seconds_total User and system time of the process.\n"
             "# TYPE flywheel_process_cpu_seconds_total counter\n"
             "flywheel_process_cpu_seconds_total {}\n"
             "# HELP flywheel_process_open_files Open file descriptors.\n"
             "# TYPE flywheel_process_open_files gauge\n"
             "flywheel_process_open_files {}\n"
             "# HELP flywheel_process_resident_memory_bytes Resident memory.\n"
             "# TYPE flywheel_process_resident_memory_bytes gauge\n"
             "flywheel_process_resident_memory_bytes {}\n",
             seconds(usage.ru_utime) + seconds(usage.ru_stime), open_file_count,
             pages * sysconf(_SC_PAGESIZE));
}

}  // namespace flywheel
