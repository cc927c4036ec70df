// The kernels as amx_bf16 runs them: bfloat16 products on the CPU's matrix unit, 16 rows x 48
// columns at a time; compiled with its flags (CMakeLists.txt).
//
// One tile product adds 16 pairs of k to a number, in the unit's own fixed order. Every row count
// goes this way, so that a row's bits do not depend on how many rows are computed with it.
#include <immintrin.h>

#include "runtime/inference/kernels/gemm.hpp"
#include "runtime/inference/kernels/rows.hpp"

namespace flywheel {
namespace {

constexpr std::int64_t block_rows = 16;
constexpr std::int64_t step_pairs = 16;
constexpr std::int64_t panel_row_bytes = panel_columns * 4;

// Registers: sums of 16 columns each, inputs, weights of 16 columns each. Intrinsics take literals:
// 0, 1, 2 are sums, 3 is the inputs, 4, 5, 6 are weights.
struct alignas(64) TileShapes {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {};
};

void shape_tiles(std::int64_t rows) {
  TileShapes shapes;
  for (int tile = 0; tile < 4; ++tile) shapes.rows[tile] = static_cast<std::uint8_t>(rows);
  for (int tile = 4; tile < 7; ++tile) shapes.rows[tile] = static_cast<std::uint8_t>(step_pairs);
  _tile_loadconfig(&shapes);
}

// sums 0 to 2 += 32 inputs of each row times 16 pairs of the panel's rows.
inline void multiply_step(const Bfloat16* a, std::int64_t a_row_bytes,
                          const std::uint32_t* weights) {
  _tile_loadd(3, a, a_row_bytes);
  _tile_loadd(4, weights, panel_row_bytes);
  _tile_dpbf16ps(0, 3, 4);
  _tile_loadd(5, weights + 16, panel_row_bytes);
  _tile_dpbf16ps(1, 3, 5);
  _tile_loadd(6, weights + 32, panel_row_bytes);
  _tile_dpbf16ps(2, 3, 6);
}

// What is left of k after whole steps, filled up with zeros.
void multiply_rest(const Bfloat16* a, std::int64_t rows, std::int64_t k, std::int64_t rest_pairs,
                   const std::uint32_t* weights) {
  alignas(64) Bfloat16 inputs[block_rows * 2 * step_pairs] = {};
  alignas(64) std::uint32_t padded[step_pairs * panel_columns] = {};
  for (std::int64_t row = 0; row < rows; ++row)
    std::memcpy(inputs + row * 2 * step_pairs, a + row * k,
                static_cast<std::size_t>(rest_pairs) * 4);
  std::memcpy(padded, weights, static_cast<std::size_t>(rest_pairs * panel_row_bytes));
  multiply_step(inputs, 4 * step_pairs, padded);
}

// sums[rows][panel_columns] = `rows` rows of a times a panel; `next`, if any, is fetched meanwhile.
void multiply_block(const Bfloat16* a, std::int64_t rows, std::int64_t k, const void* panel,
                    const char* next, float* sums) {
  const auto* weights = static_cast<const std::uint32_t*>(panel);
  const std::int64_t pairs = k / 2;
  const std::int64_t rest_pairs = pairs % step_pairs;
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  for (std::int64_t pair = 0; pair + step_pairs <= pairs; pair += step_pairs) {
    if (next != nullptr)
      for (std::int64_t line = 0; line < step_pairs * panel_row_bytes; line += 64)
        __builtin_prefetch(next + pair * panel_row_bytes + line, 0, 2);
    multiply_step(a + 2 * pair, 2 * k, weights + pair * panel_columns);
  }
  if (rest_pairs > 0)
    multiply_rest(a + 2 * (pairs - rest_pairs), rows, k, rest_pairs,
                  weights + (pairs - rest_pairs) * panel_columns);
  _tile_stored(0, sums, panel_row_bytes);
  _tile_stored(1, sums + 16, panel_row_bytes);
  _tile_stored(2, sums + 32, panel_row_bytes);
}

void gemm_block(const Gemm& gemm, std::int64_t row, std::int64_t rows, std::int64_t panel,
                bool fetches) {
  alignas(64) float sums[block_rows * panel_columns];
  alignas(64) float ups[block_rows * panel_columns];
  const std::int64_t panel_bytes = panel_row_bytes * gemm.k / 2;
  const bool is_swiglu = gemm.output == GemmOutput::swiglu;
  const std::int64_t tile_bytes = is_swiglu ? 2 * panel_bytes : panel_bytes;
  const char* weights = static_cast<const char*>(gemm.panels) + panel * tile_bytes;
  const auto* a = static_cast<const Bfloat16*>(gemm.a) + row * gemm.k;
  const char* next = fetches ? weights + tile_bytes : nullptr;
  multiply_block(a, rows, gemm.k, weights, next, sums);
  if (is_swiglu) {
    multiply_block(a, rows, gemm.k, weights + panel_bytes, fetches ? next + panel_bytes : nullptr,
                   ups);
    write_swiglu<Bfloat16>(gemm, row, rows, panel * panel_columns, sums, ups);
  } else {
    write_tile<Bfloat16>(gemm, row, rows, panel * panel_columns, sums);
  }
}

void gemm_tiles_amx(const Gemm& gemm, std::int64_t tile_begin, std::int64_t tile_end) {
  const std::int64_t panels = (gemm.n + panel_columns - 1) / panel_columns;
  std::int64_t shaped_rows = 0;
  for (std::int64_t tile = tile_begin; tile < tile_end; ++tile) {
    const std::int64_t row_begin = tile / panels * row_group;
    const std::int64_t row_end =
        gemm.rows < row_begin + row_group ? gemm.rows : row_begin + row_group;
    for (std::int64_t row = row_begin; row < row_end; row += block_rows) {
      const std::int64_t rows = row_end - row < block_rows ? row_end - row : block_rows;
      if (rows != shaped_rows) shape_tiles(rows);
      shaped_rows = rows;
      gemm_block(gemm, row, rows, tile % panels, row == row_begin);
    }
  }
  _tile_release();
}

}  // namespace

extern const InferenceKernels kernels_amx_bf16_bfloat16 = {
    "amx_bf16, bfloat16", gemm_tiles_amx, attend<Bfloat16>, rotate_append<Bfloat16>,
    rms_norm<Bfloat16>,   maximum,        exp_sums,         exps};

}  // namespace flywheel
