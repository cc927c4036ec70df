#include "runtime/model/matrix_unit.hpp"

#include <cstring>

#include "runtime/base/check.hpp"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace flywheel {
namespace {

// Linux gives the tile registers to processes that ask for them, all threads at once.
bool ask_for_tiles() {
  constexpr long request_permission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long tile_data = 18;               // XFEATURE_XTILEDATA
  constexpr unsigned amx_bf16 = 1u << 22, amx_tile = 1u << 24;
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0) return false;
  if ((edx & amx_bf16) == 0 || (edx & amx_tile) == 0) return false;
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}

constexpr std::int64_t width = 48;
constexpr std::int64_t step_pairs = 16;
constexpr std::int64_t panel_row_bytes = width * 4;
constexpr std::int64_t line_bytes = 64;

// Tiles 0 to 2 are the sums of the first 16 rows (16 columns each), 3 to 5 of the next 16, 6
// inputs, 7 weights. Intrinsics take literals.
struct alignas(64) TileShapes {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {};
};

thread_local std::int64_t shaped_rows = 0;  // of the tiles now; 0 = released

}  // namespace

#pragma GCC push_options
#pragma GCC target("amx-tile,amx-bf16")
namespace {

// What was written at `memory` is there before what follows: GCC 12's tile intrinsics do not say
// that they read memory.
inline void settle(const void* memory) {
  __asm__ volatile("" : : "r"(memory) : "memory");
}

void shape_tiles(std::int64_t rows) {
  if (rows == shaped_rows) return;
  TileShapes shapes;
  for (int tile = 0; tile < 7; ++tile) shapes.rows[tile] = static_cast<std::uint8_t>(rows);
  shapes.rows[7] = static_cast<std::uint8_t>(step_pairs);
  settle(&shapes);
  _tile_loadconfig(&shapes);
  shaped_rows = rows;
}

// The sums += 32 inputs of each row times 16 pairs of the panel.
template <bool IsDouble>
inline void multiply_step(const std::uint16_t* a, std::int64_t a_row_bytes,
                          const std::uint32_t* weights) {
  const auto* second = reinterpret_cast<const char*>(a) + 16 * a_row_bytes;
  _tile_loadd(6, a, a_row_bytes);
  _tile_loadd(7, weights, panel_row_bytes);
  _tile_dpbf16ps(0, 6, 7);
  if constexpr (IsDouble) {
    _tile_loadd(6, second, a_row_bytes);
    _tile_dpbf16ps(3, 6, 7);
    _tile_loadd(7, weights + 16, panel_row_bytes);
    _tile_dpbf16ps(4, 6, 7);
    _tile_loadd(6, a, a_row_bytes);
    _tile_dpbf16ps(1, 6, 7);
    _tile_loadd(7, weights + 32, panel_row_bytes);
    _tile_dpbf16ps(2, 6, 7);
    _tile_loadd(6, second, a_row_bytes);
    _tile_dpbf16ps(5, 6, 7);
  } else {
    _tile_loadd(7, weights + 16, panel_row_bytes);
    _tile_dpbf16ps(1, 6, 7);
    _tile_loadd(7, weights + 32, panel_row_bytes);
    _tile_dpbf16ps(2, 6, 7);
  }
}

// What is left of k after whole steps, filled up with zeros.
template <bool IsDouble>
void multiply_rest(const MatrixUnitProduct& p, std::int64_t pair, std::int64_t rest_pairs) {
  alignas(64) std::uint16_t inputs[matrix_unit_rows * 2 * step_pairs] = {};
  alignas(64) std::uint32_t weights[step_pairs * width] = {};
  for (std::int64_t row = 0; row < p.rows; ++row)
    std::memcpy(inputs + row * 2 * step_pairs, p.a + row * p.k + 2 * pair,
                static_cast<std::size_t>(rest_pairs) * 4);
  std::memcpy(weights, p.panel + pair * width,
              static_cast<std::size_t>(rest_pairs * panel_row_bytes));
  settle(inputs);
  settle(weights);
  multiply_step<IsDouble>(inputs, 4 * step_pairs, weights);
}

template <bool IsDouble>
void multiply(const MatrixUnitProduct& p) {
  shape_tiles(IsDouble ? 16 : p.rows);
  settle(p.a);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  if constexpr (IsDouble) {
    _tile_zero(3);
    _tile_zero(4);
    _tile_zero(5);
  }
  const std::int64_t pairs = p.k / 2;
  const std::int64_t steps = pairs / step_pairs;
  const std::int64_t lines = steps > 0 ? (p.next_lines + steps - 1) / steps : 0;
  for (std::int64_t step = 0; step < steps; ++step) {
    for (std::int64_t line = step * lines; line < (step + 1) * lines; ++line)
      __builtin_prefetch(p.next + line * line_bytes, 0, 2);
    multiply_step<IsDouble>(p.a + 2 * step * step_pairs, 2 * p.k,
                            p.panel + step * step_pairs * width);
  }
  if (steps * step_pairs < pairs)
    multiply_rest<IsDouble>(p, steps * step_pairs, pairs - steps * step_pairs);
  _tile_stored(0, p.sums, panel_row_bytes);
  _tile_stored(1, p.sums + 16, panel_row_bytes);
  _tile_stored(2, p.sums + 32, panel_row_bytes);
  if constexpr (IsDouble) {
    _tile_stored(3, p.sums + 16 * width, panel_row_bytes);
    _tile_stored(4, p.sums + 16 * width + 16, panel_row_bytes);
    _tile_stored(5, p.sums + 16 * width + 32, panel_row_bytes);
  }
}

}  // namespace

void matrix_unit_release() {
  if (shaped_rows != 0) _tile_release();
  shaped_rows = 0;
}
#pragma GCC pop_options

bool has_matrix_unit() {
  static const bool has = ask_for_tiles();
  return has;
}

void matrix_unit_multiply(const MatrixUnitProduct& product) {
  if (product.rows == matrix_unit_rows)
    multiply<true>(product);
  else
    multiply<false>(product);
}

}  // namespace flywheel

#else

namespace flywheel {

bool has_matrix_unit() {
  return false;
}

void matrix_unit_multiply(const MatrixUnitProduct&) {
  FLYWHEEL_CHECK(!"matrix_unit_multiply() without has_matrix_unit()");
}

void matrix_unit_release() {}

}  // namespace flywheel

#endif
