// Matrix products of a few to some thousand rows with a packed weight. Sums run over k in order in
// one register each, so that a number's bits do not depend on the tile it is computed in.
#pragma once

#include "runtime/inference/kernels.hpp"
#include "runtime/inference/kernels/simd.hpp"

namespace flywheel {
namespace {

constexpr int tile_vectors = 3;
constexpr std::int64_t tile_columns = tile_vectors * lanes;
constexpr std::int64_t panel_lines = panel_columns * 4 / 64;  // cache lines of a step

// sums[Rows][panel_columns] at `sums` = Rows rows of a times tile_columns columns of a panel.
template <class Element, int Rows>
inline void multiply_tile(const Element* a, std::int64_t k, const std::uint32_t* panel,
                          const char* next, float* sums) {
  constexpr std::int64_t pair = 4 / static_cast<std::int64_t>(sizeof(Element));
  Floats acc[Rows][tile_vectors] = {};
  const std::int64_t steps = k / pair;
  for (std::int64_t step = 0; step < steps; ++step) {
    if constexpr (Rows == tile_rows) __builtin_prefetch(next + step * 64, 0, 2);
    Words weights[tile_vectors];
    for (int v = 0; v < tile_vectors; ++v)
      weights[v] = load_words(panel + step * panel_columns + v * lanes);
    for (int r = 0; r < Rows; ++r) {
      std::uint32_t input;
      std::memcpy(&input, a + r * k + step * pair, 4);
      const Words inputs = input - Words{};
      for (int v = 0; v < tile_vectors; ++v)
        acc[r][v] =
            multiply_add(static_cast<const Element*>(nullptr), weights[v], inputs, acc[r][v]);
    }
  }
  for (int r = 0; r < Rows; ++r)
    for (int v = 0; v < tile_vectors; ++v) store(sums + r * panel_columns + v * lanes, acc[r][v]);
}

template <class Element>
inline void multiply_panel(const Element* a, std::int64_t rows, std::int64_t k, const void* panel,
                           const char* next, float* sums) {
  for (std::int64_t column = 0; column < panel_columns; column += tile_columns) {
    const auto* weights = static_cast<const std::uint32_t*>(panel) + column;
    switch (rows) {
      case 1:
        multiply_tile<Element, 1>(a, k, weights, next, sums + column);
        break;
      case 2:
        multiply_tile<Element, 2>(a, k, weights, next, sums + column);
        break;
      case 3:
        multiply_tile<Element, 3>(a, k, weights, next, sums + column);
        break;
      case 4:
        multiply_tile<Element, 4>(a, k, weights, next, sums + column);
        break;
#if defined(__AVX512F__)
      case 5:
        multiply_tile<Element, 5>(a, k, weights, next, sums + column);
        break;
      case 6:
        multiply_tile<Element, 6>(a, k, weights, next, sums + column);
        break;
      case 7:
        multiply_tile<Element, 7>(a, k, weights, next, sums + column);
        break;
      default:
        multiply_tile<Element, 8>(a, k, weights, next, sums + column);
        break;
#else
      default:
        break;
#endif
    }
  }
}

// Writes the sums of `rows` rows from `row` on and of the columns from `column` on.
template <class Element>
inline void write_tile(const Gemm& gemm, std::int64_t row, std::int64_t rows, std::int64_t column,
                       float* sums) {
  const std::int64_t columns = gemm.n - column < panel_columns ? gemm.n - column : panel_columns;
  for (std::int64_t r = 0; r < rows; ++r) {
    float* out = gemm.out + (row + r) * gemm.out_stride + column;
    float* sum = sums + r * panel_columns;
    for (std::int64_t c = 0; c < panel_columns; c += lanes) {
      Floats x = load(sum + c);
      if (gemm.bias != nullptr)
        for (std::int64_t i = 0; i < lanes && c + i < columns; ++i)
          x[i] += gemm.bias[column + c + i];
      if (gemm.output != GemmOutput::plain) x = rounded_to(static_cast<const Element*>(nullptr), x);
      if (c + lanes <= columns) {
        if (gemm.output == GemmOutput::added) x += load(out + c);
        store(out + c, x);
      } else {
        for (std::int64_t i = 0; c + i < columns; ++i)
          out[c + i] = gemm.output == GemmOutput::added ? out[c + i] + x[i] : x[i];
      }
    }
  }
}

template <class Element>
inline void write_swiglu(const Gemm& gemm, std::int64_t row, std::int64_t rows, std::int64_t column,
                         const float* gates, const float* ups) {
  const Element* type = nullptr;
  const std::int64_t columns = gemm.n - column < panel_columns ? gemm.n - column : panel_columns;
  for (std::int64_t r = 0; r < rows; ++r) {
    Element* out = static_cast<Element*>(gemm.elements) + (row + r) * gemm.out_stride + column;
    for (std::int64_t c = 0; c < panel_columns; c += lanes) {
      const Floats gate = rounded_to(type, load(gates + r * panel_columns + c));
      const Floats up = rounded_to(type, load(ups + r * panel_columns + c));
      const Floats x = gate / (1.0f + exp_of(-gate)) * up;
      if (c + lanes <= columns) {
        store(out + c, x);
      } else {
        for (std::int64_t i = 0; c + i < columns; ++i) store_one(out + c + i, x[i]);
      }
    }
  }
}

template <class Element>
void gemm_tile(const Gemm& gemm, std::int64_t group, std::int64_t panel) {
  alignas(64) float sums[tile_rows * panel_columns];
  alignas(64) float ups[tile_rows * panel_columns];
  const std::int64_t panel_bytes =
      panel_columns * gemm.k * static_cast<std::int64_t>(sizeof(Element));
  const bool is_swiglu = gemm.output == GemmOutput::swiglu;
  const std::int64_t tile_bytes = is_swiglu ? 2 * panel_bytes : panel_bytes;
  const char* weights = static_cast<const char*>(gemm.panels) + panel * tile_bytes;
  const std::int64_t row_begin = group * row_group;
  const std::int64_t row_end =
      gemm.rows < row_begin + row_group ? gemm.rows : row_begin + row_group;
  for (std::int64_t row = row_begin; row < row_end; row += tile_rows) {
    const std::int64_t rows = row_end - row < tile_rows ? row_end - row : tile_rows;
    const Element* a = static_cast<const Element*>(gemm.a) + row * gemm.k;
    // The first rows fetch what the next tile reads; the last tile's next is the next weight.
    const std::int64_t block = (row - row_begin) / tile_rows;
    const bool fetches = block < panel_lines;
    const char* next = weights + (fetches ? tile_bytes + block * panel_bytes / panel_lines : 0);
    multiply_panel(a, rows, gemm.k, weights, next, sums);
    if (is_swiglu) {
      multiply_panel(a, rows, gemm.k, weights + panel_bytes, next + (fetches ? panel_bytes : 0),
                     ups);
      write_swiglu<Element>(gemm, row, rows, panel * panel_columns, sums, ups);
    } else {
      write_tile<Element>(gemm, row, rows, panel * panel_columns, sums);
    }
  }
}

template <class Element>
void gemm_tiles(const Gemm& gemm, std::int64_t tile_begin, std::int64_t tile_end) {
  const std::int64_t panels = (gemm.n + panel_columns - 1) / panel_columns;
  for (std::int64_t tile = tile_begin; tile < tile_end; ++tile)
    gemm_tile<Element>(gemm, tile / panels, tile % panels);
}

}  // namespace
}  // namespace flywheel
