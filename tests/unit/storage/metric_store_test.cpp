// Curves: order, overwriting, names.
#include "storage/metric_store.hpp"

#include <cmath>

#include <doctest/doctest.h>

#include "storage/memory_store.hpp"
#include "tests/unit/storage/sample_records.hpp"

namespace flywheel {

TEST_SUITE("storage/metric_store") {
  TEST_CASE("a series comes in order of steps, a repeated step replaces its point") {
    MemoryStore disk;
    MetricStore metrics{disk};
    const RunId run = sample_run().id;
    REQUIRE(metrics.append(run, {{"loss", 300, 3.0}, {"loss", 2, 2.0}, {"loss/mean", 1, 9.0}}));
    REQUIRE(
        metrics.append(run, {{"loss", 2, std::nan("")}, {"reward", 1, 0.5}}, Durability::synced));
    REQUIRE(metrics.append(sample_run(2).id, {{"loss", 1, 1.0}}));

    const auto series = metrics.series(run, "loss");

    REQUIRE(series);
    REQUIRE(series->size() == 2);
    CHECK(series->front().step == 2);
    CHECK(std::isnan(series->front().value));
    CHECK(series->back().value == 3.0);
    CHECK(metrics.series(run, "loss", 3)->size() == 1);
    CHECK(metrics.series(run, "los")->empty());
    CHECK(metrics.names(run).value() == std::vector<std::string>{"loss", "loss/mean", "reward"});
    disk.crash();
    CHECK(metrics.series(run, "loss")->size() == 2);
    CHECK(metrics.series(sample_run(2).id, "loss")->empty());
  }

  TEST_CASE("bad names are refused, and so is the name after the last") {
    MemoryStore disk;
    MetricStore metrics{disk};
    const RunId run = sample_run().id;
    for (const std::string& name : {std::string{}, std::string{"a b"}, std::string("a\0b", 3),
                                    std::string(metric_name_bytes_max + 1, 'a')})
      CHECK(metrics.append(run, {{name, 1, 1.0}}).error().failure == Failure::invalid_argument);
    std::vector<MetricPoint> points;
    for (std::size_t i = 0; i < metric_names_max; ++i)
      points.push_back({"m" + std::to_string(i), 1, 1.0});
    REQUIRE(metrics.append(run, points));

    CHECK(metrics.append(run, {{"one_more", 1, 1.0}}).error().failure ==
          Failure::resource_exhausted);
    CHECK(metrics.append(run, {{"m7", 2, 1.0}}));
    CHECK(
        metrics.append(run, {{std::string(metric_name_bytes_max, 'a'), 1, 1.0}}).error().failure ==
        Failure::resource_exhausted);
  }
}

}  // namespace flywheel
