// Products on the matrix unit against sums in double; machines without the unit have nothing to do.
#include "runtime/model/matrix_unit.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include <doctest/doctest.h>

using namespace flywheel;

namespace {

constexpr std::int64_t width = 48;

float to_float(std::uint16_t bits) {
  const std::uint32_t word = static_cast<std::uint32_t>(bits) << 16;
  float x = 0;
  std::memcpy(&x, &word, sizeof x);
  return x;
}

struct Work {
  std::int64_t rows = 0, k = 0;
  std::vector<std::uint16_t> a{};
  std::vector<std::uint32_t> panel{};

  Work(std::int64_t row_count, std::int64_t inputs, std::mt19937_64& random)
      : rows(row_count), k(inputs) {
    const auto number = [&random] {  // of magnitude 2^-2 to 2^1, either sign
      return static_cast<std::uint16_t>((random() & 0x80ff) | (0x3e80 + (random() % 3) * 0x80));
    };
    for (std::int64_t i = 0; i < rows * k; ++i) a.push_back(number());
    for (std::int64_t i = 0; i < k / 2 * width; ++i)
      panel.push_back(static_cast<std::uint32_t>(number()) << 16 | number());
  }

  std::vector<float> product(std::int64_t first, std::int64_t count) const {
    std::vector<float> sums(static_cast<std::size_t>(count * width));
    matrix_unit_multiply({.a = a.data() + first * k,
                          .rows = count,
                          .k = k,
                          .panel = panel.data(),
                          .sums = sums.data()});
    matrix_unit_release();
    return sums;
  }

  double exact(std::int64_t row, std::int64_t column, double& magnitude) const {
    double sum = 0;
    for (std::int64_t i = 0; i < k; ++i) {
      const auto pair = panel[static_cast<std::size_t>(i / 2 * width + column)];
      const auto weight = static_cast<std::uint16_t>(i % 2 == 0 ? pair & 0xffff : pair >> 16);
      const double term = static_cast<double>(to_float(a[static_cast<std::size_t>(row * k + i)])) *
                          to_float(weight);
      sum += term;
      magnitude += std::abs(term);
    }
    return sum;
  }
};

}  // namespace

TEST_SUITE("runtime/model/matrix_unit") {
  TEST_CASE("sums are those of the numbers, whatever is left of the inputs and the rows") {
    if (!has_matrix_unit()) return;
    std::mt19937_64 random{7};
    for (const std::int64_t k : {2, 30, 32, 34, 576, 610})
      for (const std::int64_t rows : {1, 2, 15, 16, 32}) {
        CAPTURE(k);
        CAPTURE(rows);
        const Work work{rows, k, random};
        const auto sums = work.product(0, rows);
        for (std::int64_t row = 0; row < rows; ++row)
          for (std::int64_t column = 0; column < width; ++column) {
            double magnitude = 0;
            const double expected = work.exact(row, column, magnitude);
            const double got = sums[static_cast<std::size_t>(row * width + column)];
            CHECK(std::abs(got - expected) <= 1e-6 * magnitude);
          }
      }
  }

  TEST_CASE("property: a row has the same bits whoever is computed with it") {
    if (!has_matrix_unit()) return;
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      CAPTURE(seed);
      std::mt19937_64 random{seed};
      const Work work{32, 2 * (1 + static_cast<std::int64_t>(random() % 400)), random};
      const auto all = work.product(0, 32);
      for (std::int64_t row = 0; row < 32; ++row) {
        const auto count = 1 + static_cast<std::int64_t>(random() % 16);
        const auto first = std::min<std::int64_t>(row, 32 - count);
        const auto some = work.product(first, count);
        const auto at = static_cast<std::size_t>((row - first) * width);
        CHECK(std::memcmp(some.data() + at, all.data() + row * width, width * sizeof(float)) == 0);
      }
    }
  }

  TEST_CASE("rows are split into products of 32 and of at most 16") {
    for (std::int64_t rows = 1; rows <= 200; ++rows) {
      CAPTURE(rows);
      std::int64_t count = 0;
      for (std::int64_t row = 0; row < rows; row += matrix_unit_block(rows - row)) ++count;
      CHECK(count == matrix_unit_block_count(rows));
    }
  }
}
