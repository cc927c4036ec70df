#include "runtime/statistics/ratings.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace flywheel {
namespace {

constexpr int round_count_max = 100'000;
constexpr double rating_tolerance = 1e-10;

// Which players can be reached from player 0 along edges "has beaten" (or "has lost to").
std::size_t reached_count(std::size_t player_count, std::span<const Comparison> comparisons,
                          bool along_wins) {
  std::vector<bool> is_reached(player_count, false);
  is_reached[0] = true;
  for (bool grew = true; grew;) {
    grew = false;
    const auto follow = [&](std::size_t from, std::size_t to, double wins) {
      if (wins <= 0.0 || !is_reached[from] || is_reached[to]) return;
      is_reached[to] = true;
      grew = true;
    };
    for (const Comparison& game : comparisons) {
      follow(game.first, game.second, along_wins ? game.first_wins : game.second_wins);
      follow(game.second, game.first, along_wins ? game.second_wins : game.first_wins);
    }
  }
  return static_cast<std::size_t>(std::count(is_reached.begin(), is_reached.end(), true));
}

Result<> check(std::size_t player_count, std::span<const Comparison> comparisons) {
  const auto refuse = [](const char* what) { return fail(Failure::invalid_argument, what); };
  if (player_count == 0) return refuse("there is nobody to rate");
  for (const Comparison& game : comparisons) {
    if (game.first >= player_count || game.second >= player_count || game.first == game.second)
      return refuse("a comparison is not between two of the players");
    if (!(game.first_wins >= 0.0) || !(game.second_wins >= 0.0) ||
        !std::isfinite(game.first_wins) || !std::isfinite(game.second_wins))
      return refuse("a number of wins is negative or not finite");
  }
  if (reached_count(player_count, comparisons, true) < player_count ||
      reached_count(player_count, comparisons, false) < player_count)
    return refuse("no finite ratings exist: some never lost to, or never beat, the others");
  return {};
}

}  // namespace

double elo_expected(double first, double second) {
  return 1.0 / (1.0 + std::pow(10.0, (second - first) / 400.0));
}

double elo_gain(double first, double second, double score, double k) {
  return k * (score - elo_expected(first, second));
}

Result<std::vector<double>> bradley_terry(std::size_t player_count,
                                          std::span<const Comparison> comparisons) {
  FLYWHEEL_TRY_VOID(check(player_count, comparisons));
  std::vector<double> wins(player_count, 0.0);
  for (const Comparison& game : comparisons) {
    wins[game.first] += game.first_wins;
    wins[game.second] += game.second_wins;
  }
  std::vector<double> strengths(player_count, 1.0);
  std::vector<double> ratings(player_count, 0.0);
  for (int round = 0; round < round_count_max; ++round) {
    std::vector<double> loads(player_count, 0.0);
    for (const Comparison& game : comparisons) {
      const double load =
          (game.first_wins + game.second_wins) / (strengths[game.first] + strengths[game.second]);
      loads[game.first] += load;
      loads[game.second] += load;
    }
    std::vector<double> next(player_count);
    for (std::size_t i = 0; i < player_count; ++i) {
      strengths[i] = player_count == 1 ? 1.0 : wins[i] / loads[i];
      next[i] = 400.0 * std::log10(strengths[i]);
    }
    const double mean =
        std::accumulate(next.begin(), next.end(), 0.0) / static_cast<double>(player_count);
    double change_max = 0.0;
    for (std::size_t i = 0; i < player_count; ++i) {
      next[i] -= mean;
      strengths[i] = std::pow(10.0, next[i] / 400.0);
      change_max = std::max(change_max, std::abs(next[i] - ratings[i]));
    }
    ratings = std::move(next);
    if (change_max < rating_tolerance) return ratings;
  }
  return fail(Failure::resource_exhausted, "the ratings did not settle");
}

}  // namespace flywheel
