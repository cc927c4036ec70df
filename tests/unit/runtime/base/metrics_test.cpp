#include "runtime/base/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <thread>

#include <doctest/doctest.h>

using namespace flywheel;

TEST_SUITE("base/metrics") {
  TEST_CASE("the text is Prometheus' format 0.0.4, sorted") {
    Metrics metrics;
    metrics.gauge("flywheel_queue_depth", "Waiting rollouts.").set(2.5);
    metrics.counter("flywheel_tokens_total", "Tokens \\ sampled\nso far.", {{"kind", "a\"b\\c\nd"}})
        .add(3);
    metrics.counter("flywheel_tokens_total", "", {{"kind", "a"}}).add(7);
    Histogram& seconds =
        metrics.histogram("flywheel_step_seconds", "A step.", {{"run", "r"}}, {0.5, 1, 2});
    for (const double value : {0.1, 0.5, 1.5, 9.0}) seconds.observe(value);

    CHECK(metrics.text() ==
          "# HELP flywheel_queue_depth Waiting rollouts.\n"
          "# TYPE flywheel_queue_depth gauge\n"
          "flywheel_queue_depth 2.5\n"
          "# HELP flywheel_step_seconds A step.\n"
          "# TYPE flywheel_step_seconds histogram\n"
          "flywheel_step_seconds_bucket{run=\"r\",le=\"0.5\"} 2\n"
          "flywheel_step_seconds_bucket{run=\"r\",le=\"1\"} 2\n"
          "flywheel_step_seconds_bucket{run=\"r\",le=\"2\"} 3\n"
          "flywheel_step_seconds_bucket{run=\"r\",le=\"+Inf\"} 4\n"
          "flywheel_step_seconds_sum{run=\"r\"} 11.1\n"
          "flywheel_step_seconds_count{run=\"r\"} 4\n"
          "# HELP flywheel_tokens_total Tokens \\\\ sampled\\nso far.\n"
          "# TYPE flywheel_tokens_total counter\n"
          "flywheel_tokens_total{kind=\"a\"} 7\n"
          "flywheel_tokens_total{kind=\"a\\\"b\\\\c\\nd\"} 3\n");
  }

  TEST_CASE("the same name and labels are the same metric, in whatever order the labels come") {
    Metrics metrics;
    Counter& first = metrics.counter("flywheel_x_total", "X.", {{"a", "1"}, {"b", "2"}});
    Counter& second = metrics.counter("flywheel_x_total", "X.", {{"b", "2"}, {"a", "1"}});
    CHECK(&first == &second);
  }

  TEST_CASE("label sets beyond the bound share one") {
    Metrics metrics;
    for (int i = 0; i < 10'000; ++i)
      metrics.counter("flywheel_x_total", "X.", {{"user", std::to_string(i)}}).add();

    const std::string text = metrics.text();

    CHECK(std::count(text.begin(), text.end(), '\n') == Metrics::series_count_max + 2);
    CHECK(text.find("flywheel_x_total{user=\"other\"} 9745\n") != std::string::npos);
  }

  TEST_CASE("infinities and NaN neither break a histogram's sum nor the text") {
    Metrics metrics;
    const double infinity = std::numeric_limits<double>::infinity();
    Histogram& histogram = metrics.histogram("flywheel_x_seconds", "X.", {}, {1});
    histogram.observe(std::nan(""));
    histogram.observe(0.5);
    CHECK(histogram.sum() == 0.5);
    CHECK(histogram.counts() == std::vector<std::uint64_t>{1, 1});
    metrics.gauge("flywheel_a_ratio", "A.").set(infinity);
    metrics.gauge("flywheel_b_ratio", "B.").set(-infinity);
    metrics.gauge("flywheel_c_ratio", "C.").set(std::nan(""));
    CHECK(metrics.text().find("flywheel_a_ratio +Inf\n") != std::string::npos);
    CHECK(metrics.text().find("flywheel_b_ratio -Inf\n") != std::string::npos);
    CHECK(metrics.text().find("flywheel_c_ratio NaN\n") != std::string::npos);
  }

  TEST_CASE("nothing is lost when many threads count") {
    Metrics metrics;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        for (int k = 0; k < 10'000; ++k) {
          metrics.counter("flywheel_x_total", "X.").add();
          metrics.gauge("flywheel_y", "Y.").add(0.5);
        }
      });
    for (auto& thread : threads) thread.join();
    CHECK(metrics.counter("flywheel_x_total", "X.").value() == 40'000);
    CHECK(metrics.gauge("flywheel_y", "Y.").value() == 20'000);
  }

  TEST_CASE("the process shows its memory, time and open files") {
    const std::string text = metrics_text();
    for (const char* name : {"flywheel_process_cpu_seconds_total ", "flywheel_process_open_files ",
                             "flywheel_process_resident_memory_bytes "}) {
      const std::size_t position = text.rfind(name);
      REQUIRE(position != std::string::npos);
      CHECK(std::stod(text.substr(position + std::string{name}.size())) > 0);
    }
  }
}
