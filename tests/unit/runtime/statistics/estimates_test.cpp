// Intervals against published values, closed forms, and simulation of their coverage.
#include "runtime/statistics/estimates.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include "runtime/base/random.hpp"
#include "runtime/statistics/quantiles.hpp"

using namespace flywheel;
using doctest::Approx;

namespace {

bool covers(const Estimate& estimate, double truth) {
  return estimate.interval.low <= truth && truth <= estimate.interval.high;
}

// Tasks whose own pass rates differ: uniform on [centre - spread, centre + spread].
std::vector<Cluster> simulated_tasks(Random& random, std::size_t task_count,
                                     std::uint64_t sample_count, double centre, double spread) {
  std::vector<Cluster> tasks;
  for (std::size_t i = 0; i < task_count; ++i) {
    const double rate = centre + spread * (2.0 * random.unit() - 1.0);
    Cluster task{0.0, sample_count};
    for (std::uint64_t k = 0; k < sample_count; ++k) task.sum += random.unit() < rate ? 1.0 : 0.0;
    tasks.push_back(task);
  }
  return tasks;
}

}  // namespace

TEST_SUITE("runtime/statistics/quantiles") {
  TEST_CASE("the normal quantile has the values of the tables") {
    CHECK(normal_quantile(0.975) == Approx(1.959963984540054).epsilon(1e-13));
    CHECK(normal_quantile(0.5) == Approx(0.0).epsilon(1e-13));
    CHECK(normal_quantile(0.025) == Approx(-normal_quantile(0.975)).epsilon(1e-14));
    CHECK(normal_quantile(1e-10) == Approx(-6.361340902404056).epsilon(1e-12));
  }

  TEST_CASE("the t quantile has the values of the tables") {
    CHECK(student_t_quantile(0.975, 1) == Approx(12.706204736174698).epsilon(1e-9));
    CHECK(student_t_quantile(0.975, 2) == Approx(4.302652729749462).epsilon(1e-9));
    CHECK(student_t_quantile(0.975, 10) == Approx(2.2281388519649385).epsilon(1e-9));
    CHECK(student_t_quantile(0.95, 29) == Approx(1.6991270265334972).epsilon(1e-9));
    CHECK(student_t_quantile(0.975, 199) == Approx(1.9719565442493954).epsilon(1e-9));
    CHECK(student_t_quantile(0.975, 1e7) == Approx(normal_quantile(0.975)).epsilon(1e-6));
  }

  TEST_CASE("quantile and distribution are each other's inverse") {
    for (const double degrees : {1.0, 2.5, 7.0, 60.0, 1000.0})
      for (const double p : {0.001, 0.1, 0.4, 0.5, 0.8, 0.9999})
        CHECK(student_t_cdf(student_t_quantile(p, degrees), degrees) == Approx(p).epsilon(1e-10));
  }
}

TEST_SUITE("runtime/statistics/estimates") {
  TEST_CASE("Wilson's interval has published values and never leaves [0, 1]") {
    // Newcombe 1998, table I, method 3: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    CHECK(wilson_interval(81, 263)->low == Approx(0.2553).epsilon(2e-4));
    CHECK(wilson_interval(81, 263)->high == Approx(0.3662).epsilon(2e-4));
    CHECK(wilson_interval(15, 148)->low == Approx(0.0624).epsilon(1e-3));
    CHECK(wilson_interval(15, 148)->high == Approx(0.1605).epsilon(1e-3));
    CHECK(wilson_interval(0, 20)->low == 0.0);
    CHECK(wilson_interval(0, 20)->high == Approx(0.1611).epsilon(1e-3));
    CHECK(wilson_interval(1, 29)->low == Approx(0.0061).epsilon(1e-2));
    CHECK(wilson_interval(1, 29)->high == Approx(0.1718).epsilon(1e-3));
    CHECK(wilson_interval(20, 20)->high == 1.0);
  }

  TEST_CASE("what has no answer is an error") {
    CHECK_FALSE(wilson_interval(0, 0));
    CHECK_FALSE(wilson_interval(3, 2));
    CHECK_FALSE(wilson_interval(1, 2, 1.0));
    CHECK_FALSE(wilson_interval(1, 2, 0.0));
    CHECK_FALSE(wilson_interval(1, 2, std::nan("")));
    const std::vector<Cluster> one = {{1.0, 2}};
    CHECK_FALSE(rate_over_clusters({}));
    CHECK(rate_over_clusters(one));
    const std::vector<Cluster> empty = {{1.0, 2}, {0.0, 0}};
    CHECK_FALSE(rate_over_clusters(empty));
    const std::vector<Cluster> infinite = {{1.0, 2}, {std::numeric_limits<double>::infinity(), 1}};
    CHECK_FALSE(rate_over_clusters(infinite));
    const std::vector<Cluster> no_rate = {{3.0, 2}, {0.0, 1}};
    CHECK_FALSE(rate_over_clusters(no_rate));
  }

  TEST_CASE("copies of a sample add no certainty") {
    std::vector<Cluster> once;
    std::vector<Cluster> often;
    for (int i = 0; i < 40; ++i) {
      const double value = i % 4 == 0 ? 1.0 : 0.0;
      once.push_back({value, 1});
      often.push_back({10 * value, 10});
    }
    const auto a = rate_over_clusters(once);
    const auto b = rate_over_clusters(often);
    CHECK(a->interval.low == Approx(b->interval.low));
    CHECK(a->interval.high == Approx(b->interval.high));
    CHECK(wilson_interval(100, 400)->low > b->interval.low);
  }

  TEST_CASE("with one sample a task the rate's interval is about Wilson's") {
    std::vector<Cluster> tasks;
    for (int i = 0; i < 200; ++i) tasks.push_back({i < 60 ? 1.0 : 0.0, 1});
    const auto rate = rate_over_clusters(tasks);
    const auto wilson = wilson_interval(60, 200);
    CHECK(rate->value == Approx(0.3));
    CHECK(rate->interval.low == Approx(wilson->low).epsilon(0.01));
    CHECK(rate->interval.high == Approx(wilson->high).epsilon(0.01));
  }

  TEST_CASE("where all passed the rate's interval counts tasks, not samples") {
    std::vector<Cluster> all(20, {5.0, 5});
    const auto rate = rate_over_clusters(all);
    CHECK(rate->value == 1.0);
    CHECK(rate->interval.high == 1.0);
    CHECK(rate->interval.low == Approx(1.0 - wilson_interval(0, 20)->high).epsilon(0.03));
    const std::vector<Cluster> none(20, {0.0, 5});
    CHECK(rate_over_clusters(none)->interval.low == 0.0);
    CHECK(rate_over_clusters(none)->interval.high == Approx(1.0 - rate->interval.low));
  }

  TEST_CASE("a paired difference sees what two unpaired rates hide") {
    std::vector<PairedCluster> tasks;
    for (int i = 0; i < 100; ++i) {
      const double before = i % 2 == 0 ? 0.0 : 1.0;
      const double after = i == 0 || i == 2 || i == 4 || i == 6 || i == 8 ? 1.0 : before;
      tasks.push_back({{2 * before, 2}, {2 * after, 2}});
    }
    const auto difference = paired_difference(tasks);
    REQUIRE(difference);
    CHECK(difference->value == Approx(0.05));
    CHECK(difference->interval.low > 0.0);
    CHECK(difference->cluster_count == 100);
    CHECK(difference->sample_count == 400);
    const std::vector<PairedCluster> one_sided = {{{1, 1}, {1, 0}}, {{1, 1}, {1, 1}}};
    CHECK_FALSE(paired_difference(one_sided));
    CHECK_FALSE(paired_difference({}));
    const std::vector<PairedCluster> no_rate = {{{2, 1}, {0, 1}}, {{0, 1}, {1, 1}}};
    CHECK_FALSE(paired_difference(no_rate));
  }

  TEST_CASE("a paired difference of a few tasks is no certainty, and stays inside [-1, 1]") {
    const PairedCluster won{{0, 1}, {1, 1}};
    const PairedCluster lost{{1, 1}, {0, 1}};
    const PairedCluster same{{1, 1}, {1, 1}};

    const auto two = paired_difference(std::vector{won, won});
    const auto three = paired_difference(std::vector{won, won, same});
    const auto mirrored = paired_difference(std::vector{lost, lost, same});
    const auto unchanged = paired_difference(std::vector(50, same));

    REQUIRE((two && three && mirrored && unchanged));
    CHECK(two->value == 1.0);
    CHECK(two->interval.high == 1.0);
    CHECK(two->interval.low < 0.0);
    CHECK(three->value == Approx(2.0 / 3));
    CHECK(three->interval.low < 0.0);
    CHECK(three->interval.low >= -1.0);
    CHECK(three->interval.high <= 1.0);
    CHECK(mirrored->interval.low == Approx(-three->interval.high));
    CHECK(mirrored->interval.high == Approx(-three->interval.low));
    CHECK(unchanged->value == 0.0);
    CHECK(unchanged->interval.low < -0.05);
    CHECK(unchanged->interval.high > 0.05);
  }

  TEST_CASE("tasks that are the same but for rounding say no more than tasks that are the same") {
    const std::vector<Cluster> thirds(20, {2, 6});
    CHECK(rate_over_clusters(thirds)->interval.high -
              rate_over_clusters(std::vector<Cluster>(20, {1, 3}))->interval.high ==
          Approx(0.0));
    CHECK(rate_over_clusters(thirds)->interval.high > wilson_interval(20, 60)->high);
    for (int count = 2; count < 200; ++count) {
      CAPTURE(count);
      const auto equal = paired_difference(
          std::vector<PairedCluster>(static_cast<std::size_t>(count), {{1.0, 7}, {3.1, 7}}));
      REQUIRE(equal);
      CHECK(equal->interval.high - equal->interval.low > 0.1);
    }
  }

  TEST_CASE("95 % intervals of 200 tasks x 2 samples cover the truth 93.5 to 96.5 % of the time") {
    constexpr std::uint64_t seed = 4242;
    constexpr int trial_count = 4000;  // standard error of a coverage: 0.35 points
    struct Setting {
      double centre;
      double spread;
    };
    for (const Setting setting : {Setting{0.5, 0.5}, {0.5, 0.0}, {0.1, 0.1}, {0.9, 0.1}}) {
      CAPTURE(seed);
      CAPTURE(setting.centre);
      CAPTURE(setting.spread);
      Random random{derive_key({seed, static_cast<std::uint64_t>(1000 * setting.centre),
                                static_cast<std::uint64_t>(1000 * setting.spread)})};
      int rate_covered = 0;
      for (int trial = 0; trial < trial_count; ++trial) {
        const auto tasks = simulated_tasks(random, 200, 2, setting.centre, setting.spread);
        rate_covered += covers(*rate_over_clusters(tasks), setting.centre) ? 1 : 0;
      }
      const double rate_coverage = static_cast<double>(rate_covered) / trial_count;
      CHECK(rate_coverage >= 0.935);
      CHECK(rate_coverage <= 0.965);
    }
  }

  TEST_CASE(
      "the naive interval of clustered samples covers too rarely, which is why tasks cluster") {
    constexpr std::uint64_t seed = 77;
    CAPTURE(seed);
    Random random{RandomKey{seed}};
    int naive_covered = 0;
    int cluster_covered = 0;
    for (int trial = 0; trial < 1000; ++trial) {
      const auto tasks = simulated_tasks(random, 50, 8, 0.5, 0.5);
      double sum = 0.0;
      for (const Cluster& task : tasks) sum += task.sum;
      const auto naive = wilson_interval(static_cast<std::uint64_t>(sum), 400);
      naive_covered += naive->low <= 0.5 && 0.5 <= naive->high ? 1 : 0;
      cluster_covered += covers(*rate_over_clusters(tasks), 0.5) ? 1 : 0;
    }
    CHECK(naive_covered < 850);
    CHECK(cluster_covered > 925);
    CHECK(cluster_covered < 975);
  }

  TEST_CASE("the paired difference covers too") {
    constexpr std::uint64_t seed = 99;
    CAPTURE(seed);
    Random random{RandomKey{seed}};
    int paired_covered = 0;
    constexpr int trial_count = 1000;  // standard error: 0.7 points, so the bounds are wider
    for (int trial = 0; trial < trial_count; ++trial) {
      const auto before = simulated_tasks(random, 100, 2, 0.3, 0.2);
      const auto after = simulated_tasks(random, 100, 2, 0.7, 0.2);
      std::vector<PairedCluster> pairs;
      for (std::size_t i = 0; i < before.size(); ++i) pairs.push_back({before[i], after[i]});
      paired_covered += covers(*paired_difference(pairs), 0.4) ? 1 : 0;
    }
    CHECK(paired_covered >= 925);
    CHECK(paired_covered <= 972);
  }
}
