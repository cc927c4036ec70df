// Attention over a tree of segments, forward and backward, compiled once per instruction set.
//
// A tree is walked depth first. Keys and values of the segments on the way from the root lie in
// scratch by position: a segment overwrites only what its finished siblings left behind it.
#pragma once

#include <cmath>

#include "runtime/model/transformer_kernels_body.hpp"

namespace flywheel::FLYWHEEL_ISA {

constexpr std::int64_t query_block = 32;

inline std::int64_t pad(std::int64_t count) {
  return (count + 15) / 16 * 16;
}

// One tile of C[rows, columns] (+)= A[rows, depth] B[depth, columns]. A is read by strides, so that
// it may be a transpose.
template <int Rows, int Vectors>
inline void multiply_tile(std::int64_t depth, const float* a, std::int64_t a_row,
                          std::int64_t a_column, const float* b, std::int64_t b_row, float* c,
                          std::int64_t c_row, bool accumulate) {
  Vector sums[Rows][Vectors];
#pragma GCC unroll 8
  for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 8
    for (int j = 0; j < Vectors; ++j)
      sums[i][j] = accumulate ? load(c + i * c_row + j * lanes) : Vector{};
  for (std::int64_t k = 0; k < depth; ++k) {
    Vector row[Vectors];
#pragma GCC unroll 8
    for (int j = 0; j < Vectors; ++j) row[j] = load(b + k * b_row + j * lanes);
#pragma GCC unroll 8
    for (int i = 0; i < Rows; ++i) {
      const float factor = a[i * a_row + k * a_column];
#pragma GCC unroll 8
      for (int j = 0; j < Vectors; ++j) sums[i][j] += factor * row[j];
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 8
    for (int j = 0; j < Vectors; ++j) store(c + i * c_row + j * lanes, sums[i][j]);
}

template <int Rows>
inline void multiply_rows(std::int64_t columns, std::int64_t depth, const float* a,
                          std::int64_t a_row, std::int64_t a_column, const float* b,
                          std::int64_t b_row, float* c, std::int64_t c_row, bool accumulate) {
  constexpr int vectors = FLYWHEEL_LANES == 16 ? 4 : 2;
  std::int64_t j = 0;
  for (; j + vectors * lanes <= columns; j += vectors * lanes)
    multiply_tile<Rows, vectors>(depth, a, a_row, a_column, b + j, b_row, c + j, c_row, accumulate);
  for (; j < columns; j += lanes)
    multiply_tile<Rows, 1>(depth, a, a_row, a_column, b + j, b_row, c + j, c_row, accumulate);
}

// C[rows, columns] (+)= A B; `columns` is rounded up to whole vectors, which B and C must have.
inline void multiply(std::int64_t rows, std::int64_t columns, std::int64_t depth, const float* a,
                     std::int64_t a_row, std::int64_t a_column, const float* b, std::int64_t b_row,
                     float* c, std::int64_t c_row, bool accumulate) {
  std::int64_t i = 0;
  for (; i + 6 <= rows; i += 6)
    multiply_rows<6>(columns, depth, a + i * a_row, a_row, a_column, b, b_row, c + i * c_row, c_row,
                     accumulate);
  for (; i + 2 <= rows; i += 2)
    multiply_rows<2>(columns, depth, a + i * a_row, a_row, a_column, b, b_row, c + i * c_row, c_row,
                     accumulate);
  for (; i < rows; ++i)
    multiply_rows<1>(columns, depth, a + i * a_row, a_row, a_column, b, b_row, c + i * c_row, c_row,
                     accumulate);
}

// Carves the scratch of one task; both passes share the first part.
struct Scratch {
  std::int64_t columns;                                  // padded positions
  std::int64_t width;                                    // padded head size
  float *keys_by_size, *values_by_size;                  // [D, positions]
  float *keys, *values, *key_gradient, *value_gradient;  // [positions, D]
  float *queries, *outputs;                              // [query_block, D]
  float *scores, *score_gradient;                        // [query_block, positions]

  Scratch(float* memory, std::int64_t position_count, std::int64_t head_size)
      : columns(pad(position_count)), width(pad(head_size)) {
    const auto take = [&memory](std::int64_t count) {
      float* taken = memory;
      memory += count;
      return taken;
    };
    keys_by_size = take(width * columns);
    values_by_size = take(width * columns);
    keys = take(width * columns);
    values = take(width * columns);
    key_gradient = take(width * columns);
    value_gradient = take(width * columns);
    queries = take(width * query_block);
    outputs = take(width * query_block);
    scores = take(columns * query_block);
    score_gradient = take(columns * query_block);
  }
};

// Rows of one head as floats, zero-padded to whole vectors.
template <class T>
void gather_rows(std::int64_t count, std::int64_t size, std::int64_t width, const T* from,
                 std::int64_t row_size, float* to) {
  for (std::int64_t r = 0; r < count; ++r)
    for (std::int64_t i = 0; i < width; i += lanes)
      store(to + r * width + i, i < size ? load_at(from + r * row_size, i, size) : Vector{});
}

inline void transpose(std::int64_t count, std::int64_t width, const float* from,
                      std::int64_t columns, std::int64_t column_begin, float* to) {
  for (std::int64_t r = 0; r < count; ++r)
    for (std::int64_t i = 0; i < width; ++i)
      to[i * columns + column_begin + r] = from[r * width + i];
}

// Softmax of one row of scores over its first `count` columns; the rest up to `columns` become 0.
// Returns the log of the denominator.
inline float softmax_row(std::int64_t count, std::int64_t columns, float scale, float* scores) {
  Vector largest = fill(scores[0]);
  for (std::int64_t i = 0; i < count; i += lanes) {
    Vector s = load(scores + i);
    for (auto k = count; k < i + lanes; ++k) s[k - i] = scores[0];
    largest = max_of(s, largest);
  }
  const float top = max_of(largest);
  Vector sums{};
  for (std::int64_t i = 0; i < count; i += lanes) {
    Vector e = exp_of((load(scores + i) - top) * scale);
    for (auto k = count; k < i + lanes; ++k) e[k - i] = 0.0F;
    store(scores + i, e);
    sums += e;
  }
  const float sum = sum_of(sums);
  const float inverse = 1.0F / sum;
  for (std::int64_t i = 0; i < count; i += lanes) store(scores + i, load(scores + i) * inverse);
  for (auto i = (count + lanes - 1) / lanes * lanes; i < columns; ++i) scores[i] = 0.0F;
  return top * scale + std::log(sum);
}

template <class T>
void attention(const AttentionTask<T>& task) {
  const auto& shape = task.shape;
  const auto size = shape.head_size, row_size = shape.row_size();
  const auto kv_head = task.head / (shape.heads / shape.kv_heads);
  const Scratch s{task.scratch, task.position_count, size};
  const float scale = 1.0F / std::sqrt(static_cast<float>(size));
  for (std::int64_t n = 0; n < task.segment_count; ++n) {
    const auto& segment = task.segments[n];
    const T* rows = task.qkv + segment.row_begin * row_size;
    float* values = s.values + segment.position_begin * s.width;
    gather_rows(segment.length, size, s.width, rows + (shape.heads + kv_head) * size, row_size,
                values);
    transpose(segment.length, s.width, values, s.columns, segment.position_begin, s.keys_by_size);
    gather_rows(segment.length, size, s.width,
                rows + (shape.heads + shape.kv_heads + kv_head) * size, row_size, values);
    for (std::int64_t first = 0; first < segment.length; first += query_block) {
      const auto count =
          first + query_block < segment.length ? query_block : segment.length - first;
      const auto key_count = segment.position_begin + first + count;
      gather_rows(count, size, s.width, rows + first * row_size + task.head * size, row_size,
                  s.queries);
      multiply(count, key_count, s.width, s.queries, s.width, 1, s.keys_by_size, s.columns,
               s.scores, s.columns, false);
      for (std::int64_t q = 0; q < count; ++q)
        task.log_sum[(segment.row_begin + first + q) * shape.heads + task.head] =
            softmax_row(key_count - count + q + 1, key_count, scale, s.scores + q * s.columns);
      multiply(count, s.width, key_count, s.scores, s.columns, 1, s.values, s.width, s.outputs,
               s.width, false);
      for (std::int64_t q = 0; q < count; ++q) {
        T* to =
            task.output + (segment.row_begin + first + q) * shape.heads * size + task.head * size;
        for (std::int64_t i = 0; i < size; i += lanes)
          store_at(to, i, size, load(s.outputs + q * s.width + i));
      }
    }
  }
}

// Writes the finished key and value gradients of a segment to their rows.
template <class T>
void flush_gradients(const AttentionTask<T>& task, const Scratch& s, const TokenSegment& segment) {
  const auto size = task.shape.head_size;
  for (std::int64_t r = 0; r < segment.length; ++r) {
    const auto to = ((segment.row_begin + r) * task.shape.heads + task.head) * size;
    const auto from = (segment.position_begin + r) * s.width;
    for (std::int64_t i = 0; i < size; i += lanes) {
      store_at(task.key_gradient + to, i, size, load(s.key_gradient + from + i));
      store_at(task.value_gradient + to, i, size, load(s.value_gradient + from + i));
    }
  }
}

// P = softmax again from the saved log of the denominator, and dS = P (dP - sum(P dP)) * scale.
inline void score_gradient_row(std::int64_t count, std::int64_t columns, float scale, float log_sum,
                               float* scores, float* gradient) {
  Vector dots{};
  for (std::int64_t i = 0; i < count; i += lanes) {
    Vector p = exp_of(load(scores + i) * scale - log_sum);
    Vector d = load(gradient + i);
    for (auto k = count; k < i + lanes; ++k) p[k - i] = d[k - i] = 0.0F;
    store(scores + i, p);
    store(gradient + i, d);
    dots += p * d;
  }
  const float dot = sum_of(dots);
  for (std::int64_t i = 0; i < count; i += lanes)
    store(gradient + i, load(scores + i) * (load(gradient + i) - dot) * scale);
  for (auto i = (count + lanes - 1) / lanes * lanes; i < columns; ++i)
    scores[i] = gradient[i] = 0.0F;
}

// Rows first to first + count - 1 of a segment, whose keys and ancestors' are in scratch.
template <class T>
void query_block_backward(const AttentionTask<T>& task, const Scratch& s,
                          const TokenSegment& segment, std::int64_t first, std::int64_t count) {
  const auto& shape = task.shape;
  const auto size = shape.head_size, row = segment.row_begin + first;
  const auto key_count = segment.position_begin + first + count;
  const float scale = 1.0F / std::sqrt(static_cast<float>(size));
  gather_rows(count, size, s.width, task.qkv + row * shape.row_size() + task.head * size,
              shape.row_size(), s.queries);
  gather_rows(count, size, s.width, task.output_gradient + (row * shape.heads + task.head) * size,
              shape.heads * size, s.outputs);
  multiply(count, key_count, s.width, s.queries, s.width, 1, s.keys_by_size, s.columns, s.scores,
           s.columns, false);
  multiply(count, key_count, s.width, s.outputs, s.width, 1, s.values_by_size, s.columns,
           s.score_gradient, s.columns, false);
  for (std::int64_t q = 0; q < count; ++q)
    score_gradient_row(key_count - count + q + 1, key_count, scale,
                       task.log_sum[(row + q) * shape.heads + task.head], s.scores + q * s.columns,
                       s.score_gradient + q * s.columns);
  multiply(key_count, s.width, count, s.scores, 1, s.columns, s.outputs, s.width, s.value_gradient,
           s.width, true);
  multiply(key_count, s.width, count, s.score_gradient, 1, s.columns, s.queries, s.width,
           s.key_gradient, s.width, true);
  multiply(count, s.width, key_count, s.score_gradient, s.columns, 1, s.keys, s.width, s.outputs,
           s.width, false);
  for (std::int64_t q = 0; q < count; ++q)
    for (std::int64_t i = 0; i < size; i += lanes)
      store_at(task.query_gradient + ((row + q) * shape.heads + task.head) * size, i, size,
               load(s.outputs + q * s.width + i));
}

template <class T>
void attention_backward(const AttentionTask<T>& task) {
  const auto& shape = task.shape;
  const auto size = shape.head_size, row_size = shape.row_size();
  const auto kv_head = task.head / (shape.heads / shape.kv_heads);
  const Scratch s{task.scratch, task.position_count, size};
  const TokenSegment* base = task.segments;
  std::int64_t open = -1;  // the segment whose ancestors are all in scratch, itself included
  const auto parent_of = [&](std::int64_t n) {
    return base[n].parent < 0 ? -1 : base[n].parent - task.first_segment;
  };
  for (std::int64_t n = 0; n < task.segment_count; ++n) {
    const auto& segment = base[n];
    const auto parent = parent_of(n);
    for (; open != parent; open = parent_of(open)) flush_gradients(task, s, base[open]);
    open = n;
    const T* rows = task.qkv + segment.row_begin * row_size;
    const auto at = segment.position_begin * s.width;
    gather_rows(segment.length, size, s.width, rows + (shape.heads + kv_head) * size, row_size,
                s.keys + at);
    gather_rows(segment.length, size, s.width,
                rows + (shape.heads + shape.kv_heads + kv_head) * size, row_size, s.values + at);
    transpose(segment.length, s.width, s.keys + at, s.columns, segment.position_begin,
              s.keys_by_size);
    transpose(segment.length, s.width, s.values + at, s.columns, segment.position_begin,
              s.values_by_size);
    for (std::int64_t i = 0; i < segment.length * s.width; ++i)
      s.key_gradient[at + i] = s.value_gradient[at + i] = 0.0F;
    for (std::int64_t first = 0; first < segment.length; first += query_block)
      query_block_backward(
          task, s, segment, first,
          first + query_block < segment.length ? query_block : segment.length - first);
  }
  for (; open >= 0; open = parent_of(open)) flush_gradients(task, s, base[open]);
}

template <class T>
Kernels<T> make_kernels() {
  return {.add_norm = add_norm<T>,
          .scale_norm = scale_norm<T>,
          .norm_backward = norm_backward<T>,
          .rotate = rotate<T>,
          .rotate_backward = rotate_backward<T>,
          .attention = attention<T>,
          .attention_backward = attention_backward<T>,
          .swiglu = swiglu<T>,
          .swiglu_backward = swiglu_backward<T>,
          .from_float = from_float<T>,
          .to_float = to_float<T>,
          .add_to_float = add_to_float<T>,
          .column_sum = column_sum<T>,
          .log_softmax_row = log_softmax_row<T>,
          .log_softmax_row_backward = log_softmax_row_backward<T>,
          .sum_of_squares = sum_of_squares,
          .adamw = adamw<T>};
}

}  // namespace flywheel::FLYWHEEL_ISA
