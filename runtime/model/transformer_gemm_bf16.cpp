#include "runtime/model/transformer_gemm_bf16.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "runtime/base/check.hpp"
#include "runtime/model/matrix_unit.hpp"
#include "runtime/model/transformer_parallel.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace flywheel {

void pack_panels(const Bfloat16* weight, std::int64_t out, std::int64_t in, Bf16Panels& panels) {
  FLYWHEEL_CHECK(in % 2 == 0);
  constexpr auto width = Bf16Panels::width;
  panels.out = out;
  panels.in = in;
  const auto pair_count = in / 2, panel_size = pair_count * width;
  panels.pairs.resize(static_cast<std::size_t>(panels.count() * panel_size));
  parallel_for(panels.count(), 8, [&](std::int64_t begin, std::int64_t end) {
    for (auto panel = begin; panel < end; ++panel) {
      std::uint32_t* to = panels.pairs.data() + panel * panel_size;
      for (std::int64_t column = 0; column < width; ++column) {
        const auto row = panel * width + column;
        const Bfloat16* from = weight + row * in;
        for (std::int64_t pair = 0; pair < pair_count; ++pair) {
          std::uint32_t both = 0;
          if (row < out) std::memcpy(&both, from + 2 * pair, sizeof both);
          to[pair * width + column] = both;
        }
      }
    }
  });
}

#if defined(__x86_64__)

bool has_bf16_products() {
  return __builtin_cpu_supports("x86-64-v4") && __builtin_cpu_supports("avx512bf16");
}

#pragma GCC push_options
#pragma GCC target("arch=x86-64-v4,avx512bf16")
namespace {

// Rows x 48 outputs; `pair_count` pairs of inputs; `columns` of the 48 are stored.
template <int Rows>
void multiply_tile(std::int64_t pair_count, const std::uint32_t* x, const std::uint32_t* panel,
                   float* y, std::int64_t y_row, std::int64_t columns) {
  __m512 sums[Rows][3];
#pragma GCC unroll 8
  for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 3
    for (int j = 0; j < 3; ++j) sums[i][j] = _mm512_setzero_ps();
  for (std::int64_t pair = 0; pair < pair_count; ++pair) {
    __m512i weights[3];
#pragma GCC unroll 3
    for (int j = 0; j < 3; ++j)
      weights[j] = _mm512_loadu_si512(panel + pair * Bf16Panels::width + 16 * j);
#pragma GCC unroll 8
    for (int i = 0; i < Rows; ++i) {
      const auto both = _mm512_set1_epi32(static_cast<int>(x[i * pair_count + pair]));
#pragma GCC unroll 3
      for (int j = 0; j < 3; ++j)
        sums[i][j] = _mm512_dpbf16_ps(sums[i][j], reinterpret_cast<__m512bh>(both),
                                      reinterpret_cast<__m512bh>(weights[j]));
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 3
    for (int j = 0; j < 3; ++j) {
      const auto left = columns - 16 * j;
      const auto mask = left >= 16 ? 0xffff : left <= 0 ? 0 : (1 << left) - 1;
      _mm512_mask_storeu_ps(y + i * y_row + 16 * j, static_cast<__mmask16>(mask), sums[i][j]);
    }
}

void multiply_panel(const std::uint32_t* x, std::int64_t rows, std::int64_t pair_count,
                    const std::uint32_t* panel, float* y, std::int64_t y_row,
                    std::int64_t columns) {
  std::int64_t i = 0;
  for (; i + 8 <= rows; i += 8)
    multiply_tile<8>(pair_count, x + i * pair_count, panel, y + i * y_row, y_row, columns);
  for (; i + 2 <= rows; i += 2)
    multiply_tile<2>(pair_count, x + i * pair_count, panel, y + i * y_row, y_row, columns);
  for (; i < rows; ++i)
    multiply_tile<1>(pair_count, x + i * pair_count, panel, y + i * y_row, y_row, columns);
}

}  // namespace
#pragma GCC pop_options

namespace {

void multiply_on_matrix_unit(const Bfloat16* x, std::int64_t rows, const Bf16Panels& panels,
                             std::int64_t panel, float* y) {
  constexpr auto width = Bf16Panels::width;
  alignas(64) float sums[matrix_unit_rows * width];
  const auto columns = std::min(width, panels.out - panel * width);
  MatrixUnitProduct product{
      .k = panels.in, .panel = panels.pairs.data() + panel * panels.in / 2 * width, .sums = sums};
  for (std::int64_t row = 0; row < rows; row += product.rows) {
    product.rows = matrix_unit_block(rows - row);
    product.a = reinterpret_cast<const std::uint16_t*>(x + row * panels.in);
    matrix_unit_multiply(product);
    for (std::int64_t i = 0; i < product.rows; ++i)
      std::copy_n(sums + i * width, columns, y + (row + i) * panels.out + panel * width);
  }
}

}  // namespace

void multiply_panels(const Bfloat16* x, std::int64_t rows, const Bf16Panels& panels, float* y) {
  constexpr auto width = Bf16Panels::width;
  const auto pair_count = panels.in / 2;
  const auto* words = reinterpret_cast<const std::uint32_t*>(x);
  const bool is_on_matrix_unit = has_matrix_unit();
  parallel_for(panels.count(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto panel = begin; panel < end; ++panel)
      if (is_on_matrix_unit)
        multiply_on_matrix_unit(x, rows, panels, panel, y);
      else
        multiply_panel(words, rows, pair_count, panels.pairs.data() + panel * pair_count * width,
                       y + panel * width, panels.out, panels.out - panel * width);
    if (is_on_matrix_unit) matrix_unit_release();
  });
}

#else

bool has_bf16_products() {
  return false;
}

void multiply_panels(const Bfloat16*, std::int64_t, const Bf16Panels&, float*) {
  FLYWHEEL_CHECK(!"multiply_panels() without has_bf16_products()");
}

#endif

}  // namespace flywheel
