// InferenceKernels are the loops that inference spends its time in, compiled for several
// instruction sets and chosen at run time.
//
// Guarantee: each output number is computed by one chain of operations whose order depends on its
//            own row alone (sums run over k, or over absolute positions, in order). So a row's bits
//            do not depend on how many rows are computed with it, nor on how tiles are spread over
//            threads: batch mates and prompts in parts can't change what a sequence samples.
//
// Elements are float, or bfloat16 held as std::uint16_t. Layouts, pair = elements in 4 bytes:
//   panel   [k / pair][panel_columns][pair]: 48 columns (outputs) of a linear weight, zero-padded
//   keys    [head_size / pair][kv_block_tokens][pair]: of one block, layer and kv head
//   values  [kv_block_tokens][padded head_size]: follow the keys
#pragma once

#include <cstddef>
#include <cstdint>

namespace flywheel {

// weights_handle.hpp has it. The kernel files include no library header with inline functions:
// those would be compiled for their instruction set and could be linked in anywhere.
enum class Precision : std::uint8_t;

inline constexpr std::int64_t panel_columns = 48;
inline constexpr std::int64_t kv_block_tokens = 16;
inline constexpr std::int64_t row_group = 192;  // rows of one GEMM tile: they stay in the L2 cache
inline constexpr std::int64_t head_size_max = 512;
inline constexpr std::int64_t exp_chunk = 1024;  // numbers summed together by exp_sums

constexpr std::int64_t round_up(std::int64_t value, std::int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

enum class GemmOutput : std::uint8_t {
  plain,    // out = sum, float
  rounded,  // out = sum + bias rounded to the element type, held as float
  added,    // out += sum rounded to the element type
  swiglu,   // panels alternate gate and up: elements = silu(gate) * up
};

// out[rows, n] = a[rows, k] times the packed weight's columns.
struct Gemm {
  const void* a = nullptr;       // elements [rows, k], dense
  const void* panels = nullptr;  // elements, see above
  const float* bias = nullptr;   // [n], or none
  std::int64_t rows = 0, k = 0, n = 0;
  GemmOutput output = GemmOutput::plain;
  float* out = nullptr;      // [rows, out_stride]
  void* elements = nullptr;  // swiglu: [rows, out_stride]
  std::int64_t out_stride = 0;
};

// Tiles of a Gemm: independent pieces of work, numbered from 0.
std::int64_t gemm_tile_count(const Gemm& gemm);

// One row and one kv head: softmax(q k / sqrt(head_size)) v over positions 0 to length - 1.
struct Attention {
  const void* queries = nullptr;             // elements [group, head_size]
  const std::byte* const* blocks = nullptr;  // the sequence's KV blocks, in order
  std::int64_t offset_bytes = 0;             // of this layer and head within a block
  std::int64_t length = 0, group = 0, head_size = 0;
  float* scores = nullptr;  // scratch [group, round_up(length, 16)]
  void* out = nullptr;      // elements [group, head_size]
};

// One row of q, k and v (floats): norms where the model has them, rotates, rounds, appends to the
// cache.
struct Rotate {
  const float* qkv = nullptr;      // [(heads + 2 * kv_heads) * head_size]
  const float* cosines = nullptr;  // [head_size / 2], of the row's position
  const float* sines = nullptr;
  const float* q_norm = nullptr;  // [head_size], or none
  const float* k_norm = nullptr;
  float epsilon = 0.0f;
  std::int64_t heads = 0, kv_heads = 0, head_size = 0;
  void* queries = nullptr;      // elements [heads, head_size]
  std::byte* block = nullptr;   // this layer's part of the block that holds the position
  std::int64_t head_bytes = 0;  // keys and values of one kv head within it
  std::int64_t slot = 0;        // position within the block
};

struct InferenceKernels {
  const char* name = "";
  void (*gemm_tiles)(const Gemm& gemm, std::int64_t tile_begin, std::int64_t tile_end);
  void (*attend)(const Attention& attention);
  void (*rotate_append)(const Rotate& rotate);
  // out (elements) = x / sqrt(mean(x^2) + epsilon) * weight, in float, rounded once.
  void (*rms_norm)(const float* x, const float* weight, std::int64_t n, float epsilon, void* out);
  // Over n numbers, n a multiple of 16 (pad with -infinity).
  float (*maximum)(const float* x, std::int64_t n);
  // sums[i] = sum of exp((x - shift) * scale) over the i-th exp_chunk numbers.
  void (*exp_sums)(const float* x, std::int64_t n, float shift, float scale, double* sums);
  void (*exps)(const float* x, std::int64_t n, float shift, float scale, float* out);
};

// Numbered from the plainest; each runs on every CPU that has the ones before it.
enum class InstructionSet : std::uint8_t { x86_64_v2, avx2, avx512, avx512_bf16, amx_bf16 };
InstructionSet best_instruction_set();
const InferenceKernels& kernels_of(InstructionSet set, Precision precision);

}  // namespace flywheel
