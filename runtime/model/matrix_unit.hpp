// Products of bfloat16 rows with panels of weights on the CPU's matrix unit (AMX). Torch-free.
//
// A panel is 48 outputs of a linear weight, [in / 2][48] pairs of inputs, as in
// transformer_gemm_bf16.hpp and in inference's kernels.hpp: the form that tile loads want.
//
// Guarantees: one tile product adds 16 pairs to a number in the unit's own fixed order, and every
//             row count goes this way: a row's bits depend on that row and the weight alone.
// Threads:    any; a thread calls matrix_unit_release() when it is through with its products.
#pragma once

#include <cstdint>

namespace flywheel {

inline constexpr std::int64_t matrix_unit_rows = 32;  // of one product at most

// True where the CPU has the unit for bfloat16 and the system lets this process use it.
bool has_matrix_unit();

struct MatrixUnitProduct {
  const std::uint16_t* a = nullptr;  // bfloat16 [rows, k], dense
  std::int64_t rows = 0;             // 32, or at most 16
  std::int64_t k = 0;                // even
  const std::uint32_t* panel = nullptr;
  float* sums = nullptr;  // [rows][48]
  // Fetched into the cache meanwhile: that many cache lines from there on, if any.
  const char* next = nullptr;
  std::int64_t next_lines = 0;
};

// How many of `rows` rows the next product should take.
constexpr std::int64_t matrix_unit_block(std::int64_t rows) {
  return rows >= matrix_unit_rows ? matrix_unit_rows : rows < 16 ? rows : 16;
}

// How many products `rows` rows take in this way.
constexpr std::int64_t matrix_unit_block_count(std::int64_t rows) {
  const auto rest = rows % matrix_unit_rows;
  return rows / matrix_unit_rows + (rest > 16 ? 2 : rest > 0);
}

void matrix_unit_multiply(const MatrixUnitProduct& product);

void matrix_unit_release();

}  // namespace flywheel
