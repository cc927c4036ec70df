// Ratings from comparisons of two: Elo for a running number, Bradley-Terry for decisions.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "runtime/base/result.hpp"

namespace flywheel {

// Elo's expected score of the first: 1 / (1 + 10^((second - first) / 400)) (Elo 1978, section 8.4).
double elo_expected(double first, double second);

// What the first gains (and the second loses) when the first scored 1 (win), 0.5 (tie) or 0. The
// outcome depends on the order of games, so it never decides a release.
double elo_gain(double first, double second, double score, double k = 4.0);

// Games between two, a tie being half a win for each.
struct Comparison {
  std::size_t first = 0;
  std::size_t second = 0;
  double first_wins = 0.0;
  double second_wins = 0.0;
};

// Maximum-likelihood ratings 400 log10(strength), mean 0, by the MM algorithm (Bradley and Terry
// 1952; Hunter 2004, eq. 3), until a round changes no rating by 1e-10 points or more.
// invalid_argument where no finite maximum exists: a player, or a group of them, that never lost to
// or never beat the others (Ford 1957).
Result<std::vector<double>> bradley_terry(std::size_t player_count,
                                          std::span<const Comparison> comparisons);

}  // namespace flywheel
