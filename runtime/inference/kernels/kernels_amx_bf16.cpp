// The kernels as amx_bf16 runs them: avx512_bf16 but for bfloat16 products, which the CPU's matrix
// unit makes (runtime/model/matrix_unit.hpp); compiled with avx512_bf16's flags (CMakeLists.txt).
#include "runtime/inference/kernels/gemm.hpp"
#include "runtime/inference/kernels/rows.hpp"
#include "runtime/model/matrix_unit.hpp"

namespace flywheel {
namespace {

constexpr std::int64_t panel_row_bytes = panel_columns * 4;

// One panel (or a gate and its up) for all rows of a group. The next tile's weights are fetched in
// equal parts by all blocks of rows, so that reading them and computing go on together.
void gemm_tile_amx(const Gemm& gemm, std::int64_t group, std::int64_t panel) {
  alignas(64) float sums[matrix_unit_rows * panel_columns];
  alignas(64) float ups[matrix_unit_rows * panel_columns];
  const std::int64_t panel_bytes = panel_row_bytes * gemm.k / 2;
  const bool is_swiglu = gemm.output == GemmOutput::swiglu;
  const std::int64_t tile_bytes = is_swiglu ? 2 * panel_bytes : panel_bytes;
  const char* weights = static_cast<const char*>(gemm.panels) + panel * tile_bytes;
  const std::int64_t row_begin = group * row_group;
  const std::int64_t row_end =
      gemm.rows < row_begin + row_group ? gemm.rows : row_begin + row_group;
  const std::int64_t lines = panel_bytes / 64 / matrix_unit_block_count(row_end - row_begin);
  MatrixUnitProduct product{.k = gemm.k, .next = weights + tile_bytes, .next_lines = lines};
  for (std::int64_t row = row_begin; row < row_end; row += product.rows) {
    product.rows = matrix_unit_block(row_end - row);
    product.a = static_cast<const Bfloat16*>(gemm.a) + row * gemm.k;
    product.panel = reinterpret_cast<const std::uint32_t*>(weights);
    product.sums = sums;
    matrix_unit_multiply(product);
    product.next += lines * 64;
    if (is_swiglu) {
      product.panel = reinterpret_cast<const std::uint32_t*>(weights + panel_bytes);
      product.sums = ups;
      matrix_unit_multiply(product);
      product.next += lines * 64;
      write_swiglu<Bfloat16>(gemm, row, product.rows, panel * panel_columns, sums, ups);
    } else {
      write_tile<Bfloat16>(gemm, row, product.rows, panel * panel_columns, sums);
    }
  }
}

void gemm_tiles_amx(const Gemm& gemm, std::int64_t tile_begin, std::int64_t tile_end) {
  const std::int64_t panels = (gemm.n + panel_columns - 1) / panel_columns;
  for (std::int64_t tile = tile_begin; tile < tile_end; ++tile)
    gemm_tile_amx(gemm, tile / panels, tile % panels);
  matrix_unit_release();
}

}  // namespace

extern const InferenceKernels kernels_amx_bf16_bfloat16 = {
    "amx_bf16, bfloat16", gemm_tiles_amx, attend<Bfloat16>, rotate_append<Bfloat16>,
    rms_norm<Bfloat16>,   maximum,        exp_sums,         exps};

}  // namespace flywheel
