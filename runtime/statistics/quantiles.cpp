#include "runtime/statistics/quantiles.hpp"

#include <cmath>

#include "runtime/base/check.hpp"

namespace flywheel {
namespace {

// The continued fraction of the incomplete beta function (Abramowitz and Stegun 26.5.8), summed by
// the modified Lentz method (Thompson and Barnett 1986).
double beta_continued_fraction(double a, double b, double x) {
  constexpr double tiny = 1e-300;
  constexpr int round_count_max = 500;
  const auto nonzero = [](double value) { return std::abs(value) < tiny ? tiny : value; };
  double c = 1.0;
  double d = 1.0 / nonzero(1.0 - (a + b) * x / (a + 1.0));
  double fraction = d;
  for (int m = 1; m <= round_count_max; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1.0 / nonzero(1.0 + even * d);
    c = nonzero(1.0 + even / c);
    fraction *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1.0 / nonzero(1.0 + odd * d);
    c = nonzero(1.0 + odd / c);
    fraction *= d * c;
    if (std::abs(d * c - 1.0) < 1e-15) break;
  }
  return fraction;
}

// I_x(a, b), the regularised incomplete beta function.
double incomplete_beta(double a, double b, double x) {
  if (x <= 0.0) return 0.0;
  if (x >= 1.0) return 1.0;
  const double front = std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) +
                                a * std::log(x) + b * std::log1p(-x));
  if (x < (a + 1.0) / (a + b + 2.0)) return front * beta_continued_fraction(a, b, x) / a;
  return 1.0 - front * beta_continued_fraction(b, a, 1.0 - x) / b;
}

// Where the increasing function `cdf` reaches `probability`.
template <class Cdf>
double invert(Cdf cdf, double probability) {
  double low = -1.0;
  double high = 1.0;
  while (cdf(low) > probability) low *= 2.0;
  while (cdf(high) < probability) high *= 2.0;
  while (true) {
    const double middle = low + (high - low) / 2.0;
    if (middle <= low || middle >= high) return middle;
    (cdf(middle) < probability ? low : high) = middle;
  }
}

}  // namespace

double normal_quantile(double probability) {
  FLYWHEEL_CHECK(probability > 0.0 && probability < 1.0);
  // Small tails keep their precision where they are on the left: 1 - p would lose it.
  if (probability > 0.5) return -normal_quantile(1.0 - probability);
  return invert([](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }, probability);
}

double student_t_cdf(double x, double degrees) {
  FLYWHEEL_CHECK(degrees >= 1.0);
  // Abramowitz and Stegun 26.7.1.
  const double tail = 0.5 * incomplete_beta(degrees / 2.0, 0.5, degrees / (degrees + x * x));
  return x > 0.0 ? 1.0 - tail : tail;
}

double student_t_quantile(double probability, double degrees) {
  FLYWHEEL_CHECK(probability > 0.0 && probability < 1.0);
  if (probability > 0.5) return -student_t_quantile(1.0 - probability, degrees);
  return invert([&](double x) { return student_t_cdf(x, degrees); }, probability);
}

}  // namespace flywheel
