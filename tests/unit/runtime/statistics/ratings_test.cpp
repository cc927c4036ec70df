// Elo and Bradley-Terry against golden values and the likelihood itself.
#include "runtime/statistics/ratings.hpp"

#include <cmath>
#include <numeric>

#include <doctest/doctest.h>

using namespace flywheel;
using doctest::Approx;

namespace {

double log_likelihood(const std::vector<double>& ratings, const std::vector<Comparison>& games) {
  double sum = 0.0;
  for (const Comparison& game : games) {
    const double expected = elo_expected(ratings[game.first], ratings[game.second]);
    sum += game.first_wins * std::log(expected) + game.second_wins * std::log(1.0 - expected);
  }
  return sum;
}

}  // namespace

TEST_SUITE("runtime/statistics/ratings") {
  TEST_CASE("Elo's golden values") {
    CHECK(elo_expected(1000, 1100) == Approx(0.359935).epsilon(1e-6));
    CHECK(elo_gain(1000, 1100, 1.0) == Approx(2.560260).epsilon(1e-6));
    CHECK(elo_gain(1000, 1100, 1.0) == Approx(-elo_gain(1100, 1000, 0.0)));
    CHECK(elo_gain(1000, 1000, 0.5) == 0.0);
  }

  TEST_CASE("seven wins against three are a gap of 147.1907 points") {
    const std::vector<Comparison> games = {{0, 1, 7, 3}};
    const auto ratings = bradley_terry(2, games);
    REQUIRE(ratings);
    CHECK((*ratings)[0] - (*ratings)[1] == Approx(147.1907).epsilon(1e-6));
    CHECK((*ratings)[0] + (*ratings)[1] == Approx(0.0));
  }

  TEST_CASE("no small change of the ratings makes the games likelier") {
    const std::vector<Comparison> games = {
        {0, 1, 7, 3}, {1, 2, 4.5, 5.5}, {0, 2, 12, 2}, {3, 0, 1, 6}, {3, 2, 3, 4}};
    const auto ratings = bradley_terry(4, games);
    REQUIRE(ratings);
    CHECK(std::accumulate(ratings->begin(), ratings->end(), 0.0) == Approx(0.0));
    const double best = log_likelihood(*ratings, games);
    for (std::size_t i = 0; i < 4; ++i)
      for (const double step : {-1.0, -0.01, 0.01, 1.0}) {
        auto moved = *ratings;
        moved[i] += step;
        CHECK(log_likelihood(moved, games) < best);
      }
  }

  TEST_CASE("where no finite ratings exist it says so") {
    const std::vector<Comparison> never_lost = {{0, 1, 7, 0}};
    const std::vector<Comparison> apart = {{0, 1, 2, 2}, {2, 3, 2, 2}};
    const std::vector<Comparison> one_way = {{0, 1, 2, 2}, {2, 3, 2, 2}, {0, 2, 1, 0}};
    for (const auto& result :
         {bradley_terry(2, never_lost), bradley_terry(4, apart), bradley_terry(4, one_way)}) {
      REQUIRE(!result);
      CHECK(result.error().message.find("no finite ratings") != std::string::npos);
    }
    const std::vector<Comparison> stranger = {{0, 5, 1, 1}};
    const std::vector<Comparison> oneself = {{1, 1, 1, 1}};
    const std::vector<Comparison> negative = {{0, 1, -1, 1}};
    CHECK_FALSE(bradley_terry(2, stranger));
    CHECK_FALSE(bradley_terry(2, oneself));
    CHECK_FALSE(bradley_terry(2, negative));
    CHECK_FALSE(bradley_terry(0, {}));
    CHECK((*bradley_terry(1, {}))[0] == 0.0);
  }
}
