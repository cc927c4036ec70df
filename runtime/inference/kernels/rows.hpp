// The kernels that work on one row at a time: norm, rotation, attention, and sums of exponentials.
#pragma once

#include "runtime/inference/kernels.hpp"
#include "runtime/inference/kernels/simd.hpp"

namespace flywheel {
namespace {

inline float inverse_norm(const float* x, std::int64_t n, float epsilon) {
  Floats squares = {};
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const Floats v = load(x + i);
    squares = fused_multiply_add(v, v, squares);
  }
  float sum = sum_of(squares);
  for (; i < n; ++i) sum += x[i] * x[i];
  return 1.0f / __builtin_sqrtf(sum / static_cast<float>(n) + epsilon);
}

template <class Element>
void rms_norm(const float* x, const float* weight, std::int64_t n, float epsilon, void* out) {
  const float scale = inverse_norm(x, n, epsilon);
  Element* to = static_cast<Element*>(out);
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) store(to + i, load(x + i) * scale * load(weight + i));
  for (; i < n; ++i) store_one(to + i, x[i] * scale * weight[i]);
}

// Rotates one head, pairing i with i + head_size / 2 as Hugging Face's rotate_half does.
template <class Element>
inline void rotate_head(const Rotate& rotate, const float* x, const float* norm, Element* out) {
  const std::int64_t half = rotate.head_size / 2;
  alignas(64) float normed[head_size_max];
  if (norm != nullptr) {
    const float scale = inverse_norm(x, rotate.head_size, rotate.epsilon);
    for (std::int64_t i = 0; i < rotate.head_size; ++i) {
      Element rounded;
      store_one(&rounded, x[i] * scale * norm[i]);
      normed[i] = load_one(&rounded);
    }
    x = normed;
  }
  std::int64_t i = 0;
  for (; i + lanes <= half; i += lanes) {
    const Floats a = load(x + i), b = load(x + half + i);
    const Floats cosines = load(rotate.cosines + i), sines = load(rotate.sines + i);
    store(out + i, a * cosines - b * sines);
    store(out + half + i, b * cosines + a * sines);
  }
  for (; i < half; ++i) {
    store_one(out + i, x[i] * rotate.cosines[i] - x[half + i] * rotate.sines[i]);
    store_one(out + half + i, x[half + i] * rotate.cosines[i] + x[i] * rotate.sines[i]);
  }
}

template <class Element>
void rotate_append(const Rotate& rotate) {
  constexpr std::int64_t pair = 4 / static_cast<std::int64_t>(sizeof(Element));
  const std::int64_t size = rotate.head_size;
  auto* queries = static_cast<Element*>(rotate.queries);
  for (std::int64_t head = 0; head < rotate.heads; ++head)
    rotate_head(rotate, rotate.qkv + head * size, rotate.q_norm, queries + head * size);
  const float* k = rotate.qkv + rotate.heads * size;
  const float* v = k + rotate.kv_heads * size;
  for (std::int64_t head = 0; head < rotate.kv_heads; ++head) {
    std::byte* block = rotate.block + head * rotate.head_bytes;
    alignas(64) Element key[head_size_max];
    rotate_head(rotate, k + head * size, rotate.k_norm, key);
    for (std::int64_t step = 0; step < size / pair; ++step)
      std::memcpy(block + (step * kv_block_tokens + rotate.slot) * 4, key + step * pair, 4);
    Element* values = reinterpret_cast<Element*>(block) + size * kv_block_tokens +
                      rotate.slot * round_up(size, 16);
    std::int64_t i = 0;
    for (; i + lanes <= size; i += lanes) store(values + i, load(v + head * size + i));
    for (; i < size; ++i) store_one(values + i, v[head * size + i]);
  }
}

// scores[Heads][stride] = q k * scale over whole blocks.
template <class Element, int Heads>
inline void score_blocks(const Attention& attention, const Element* queries, float* scores,
                         std::int64_t stride) {
  constexpr std::int64_t pair = 4 / static_cast<std::int64_t>(sizeof(Element));
  constexpr int vectors = kv_block_tokens / lanes;
  const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(attention.head_size));
  const std::int64_t steps = attention.head_size / pair;
  for (std::int64_t block = 0; block * kv_block_tokens < attention.length; ++block) {
    const std::byte* keys = attention.blocks[block] + attention.offset_bytes;
    Floats acc[Heads][vectors] = {};
    for (std::int64_t step = 0; step < steps; ++step)
      for (int v = 0; v < vectors; ++v) {
        const Words k = load_words(keys + (step * kv_block_tokens + v * lanes) * 4);
        for (int h = 0; h < Heads; ++h) {
          std::uint32_t query;
          std::memcpy(&query, queries + h * attention.head_size + step * pair, 4);
          acc[h][v] =
              multiply_add(static_cast<const Element*>(nullptr), k, query - Words{}, acc[h][v]);
        }
      }
    for (int h = 0; h < Heads; ++h)
      for (int v = 0; v < vectors; ++v)
        store(scores + h * stride + block * kv_block_tokens + v * lanes, acc[h][v] * scale);
  }
}

// Turns scores into exp(score - max), 0 beyond length; returns 1 / their sum.
inline float soften(float* scores, std::int64_t length, std::int64_t stride) {
  for (std::int64_t i = length; i < stride; ++i) scores[i] = scores[length - 1];
  Floats best = load(scores);
  for (std::int64_t i = lanes; i < stride; i += lanes) best = maximum_of(best, load(scores + i));
  const float shift = maximum_of(best);
  for (std::int64_t i = 0; i < stride; i += lanes)
    store(scores + i, exp_of(load(scores + i) - shift));
  for (std::int64_t i = length; i < stride; ++i) scores[i] = 0.0f;
  Floats sums = {};
  for (std::int64_t i = 0; i < stride; i += lanes) sums += load(scores + i);
  return 1.0f / sum_of(sums);
}

template <class Element, int Heads, int Vectors>
inline void weigh_values(const Attention& attention, const float* scores, std::int64_t stride,
                         const float* inverse_sums, std::int64_t dimension, Element* out) {
  const std::int64_t padded = round_up(attention.head_size, 16);
  Floats acc[Heads][Vectors] = {};
  for (std::int64_t begin = 0; begin < attention.length; begin += kv_block_tokens) {
    const auto* keys = reinterpret_cast<const Element*>(attention.blocks[begin / kv_block_tokens] +
                                                        attention.offset_bytes);
    const Element* values = keys + attention.head_size * kv_block_tokens + dimension;
    const std::int64_t left = attention.length - begin;
    const std::int64_t count = left < kv_block_tokens ? left : kv_block_tokens;
    for (std::int64_t slot = 0; slot < count; ++slot)
      for (int v = 0; v < Vectors; ++v) {
        const Floats value = load(values + slot * padded + v * lanes);
        for (int h = 0; h < Heads; ++h)
          acc[h][v] =
              fused_multiply_add(broadcast(scores[h * stride + begin + slot]), value, acc[h][v]);
      }
  }
  for (int h = 0; h < Heads; ++h)
    for (int v = 0; v < Vectors; ++v) {
      const Floats x = acc[h][v] * inverse_sums[h];
      const std::int64_t from = dimension + v * lanes;
      Element* to = out + h * attention.head_size + from;
      if (from + lanes <= attention.head_size) {
        store(to, x);
      } else {
        for (std::int64_t i = 0; from + i < attention.head_size; ++i) store_one(to + i, x[i]);
      }
    }
}

template <class Element, int Heads>
void attend_heads(const Attention& attention, std::int64_t first_head) {
  constexpr int vectors = lanes == 16 ? 4 : 2;
  const std::int64_t stride = round_up(attention.length, kv_block_tokens);
  const std::int64_t offset = first_head * attention.head_size;
  float inverse_sums[Heads];
  score_blocks<Element, Heads>(attention, static_cast<const Element*>(attention.queries) + offset,
                               attention.scores, stride);
  for (int h = 0; h < Heads; ++h)
    inverse_sums[h] = soften(attention.scores + h * stride, attention.length, stride);
  Element* out = static_cast<Element*>(attention.out) + offset;
  const std::int64_t padded = round_up(attention.head_size, 16);
  std::int64_t dimension = 0;
  for (; dimension + vectors * lanes <= padded; dimension += vectors * lanes)
    weigh_values<Element, Heads, vectors>(attention, attention.scores, stride, inverse_sums,
                                          dimension, out);
  for (; dimension < padded; dimension += lanes)
    weigh_values<Element, Heads, 1>(attention, attention.scores, stride, inverse_sums, dimension,
                                    out);
}

template <class Element>
void attend(const Attention& attention) {
  std::int64_t head = 0;
  for (; head + 3 <= attention.group; head += 3) attend_heads<Element, 3>(attention, head);
  if (attention.group - head == 2) attend_heads<Element, 2>(attention, head);
  if (attention.group - head == 1) attend_heads<Element, 1>(attention, head);
}

float maximum(const float* x, std::int64_t n) {
  Floats best = load(x);
  for (std::int64_t i = lanes; i < n; i += lanes) best = maximum_of(best, load(x + i));
  return maximum_of(best);
}

void exp_sums(const float* x, std::int64_t n, float shift, float scale, double* sums) {
  for (std::int64_t begin = 0; begin < n; begin += exp_chunk) {
    const std::int64_t end = n < begin + exp_chunk ? n : begin + exp_chunk;
    Floats total = {};
    for (std::int64_t i = begin; i < end; i += lanes)
      total += exp_of((load(x + i) - shift) * scale);
    sums[begin / exp_chunk] = static_cast<double>(sum_of(total));
  }
}

void exps(const float* x, std::int64_t n, float shift, float scale, float* out) {
  for (std::int64_t i = 0; i < n; i += lanes) store(out + i, exp_of((load(x + i) - shift) * scale));
}

}  // namespace
}  // namespace flywheel
