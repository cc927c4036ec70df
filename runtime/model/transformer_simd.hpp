// Vectors of FLYWHEEL_LANES floats for the kernel bodies, which are compiled once per instruction
// set: the file that includes this defines FLYWHEEL_ISA (a namespace) and FLYWHEEL_LANES first.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#if FLYWHEEL_LANES > 4
#include <immintrin.h>
#endif

#include "runtime/model/transformer_kernels.hpp"

namespace flywheel::FLYWHEEL_ISA {

constexpr std::int64_t lanes = FLYWHEEL_LANES;
using Vector = float __attribute__((vector_size(FLYWHEEL_LANES * 4)));
using Words = std::uint32_t __attribute__((vector_size(FLYWHEEL_LANES * 4)));
using Halves = std::uint16_t __attribute__((vector_size(FLYWHEEL_LANES * 2)));

inline Vector load(const float* from) {
  Vector x;
  std::memcpy(&x, from, sizeof x);
  return x;
}
inline Vector load(const Bfloat16* from) {
  Halves x;
  std::memcpy(&x, from, sizeof x);
  return reinterpret_cast<Vector>(__builtin_convertvector(x, Words) << 16);
}
inline void store(float* to, Vector x) {
  std::memcpy(to, &x, sizeof x);
}
// Rounds to nearest, ties to even.
inline void store(Bfloat16* to, Vector x) {
  const Words bits = reinterpret_cast<Words>(x);
  const Words rounded = (bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16;
  const Halves halves = __builtin_convertvector(rounded, Halves);
  std::memcpy(to, &halves, sizeof halves);
}

// The first `count` < lanes elements; the others are zero.
template <class T>
inline Vector load_some(const T* from, std::int64_t count) {
  T buffer[FLYWHEEL_LANES] = {};
  std::memcpy(buffer, from, static_cast<std::size_t>(count) * sizeof(T));
  return load(buffer);
}
template <class T>
inline void store_some(T* to, Vector x, std::int64_t count) {
  T buffer[FLYWHEEL_LANES];
  store(buffer, x);
  std::memcpy(to, buffer, static_cast<std::size_t>(count) * sizeof(T));
}
template <class T>
inline Vector load_at(const T* from, std::int64_t i, std::int64_t size) {
  return i + lanes <= size ? load(from + i) : load_some(from + i, size - i);
}
template <class T>
inline void store_at(T* to, std::int64_t i, std::int64_t size, Vector x) {
  if (i + lanes <= size)
    store(to + i, x);
  else
    store_some(to + i, x, size - i);
}

inline Vector fill(float x) {
  return Vector{} + x;
}

inline float sum_of(Vector x) {
  float total = 0.0F;
  for (std::int64_t i = 0; i < lanes; ++i) total += x[i];
  return total;
}
inline float max_of(Vector x) {
  float largest = x[0];
  for (std::int64_t i = 1; i < lanes; ++i) largest = x[i] > largest ? x[i] : largest;
  return largest;
}
inline Vector max_of(Vector a, Vector b) {
  return a > b ? a : b;
}
inline Vector min_of(Vector a, Vector b) {
  return a < b ? a : b;
}

inline Vector sqrt_of(Vector x) {
#if FLYWHEEL_LANES == 16
  return reinterpret_cast<Vector>(_mm512_maskz_sqrt_ps(0xffff, reinterpret_cast<__m512>(x)));
#elif FLYWHEEL_LANES == 8
  return reinterpret_cast<Vector>(_mm256_sqrt_ps(reinterpret_cast<__m256>(x)));
#else
  for (std::int64_t i = 0; i < lanes; ++i) x[i] = std::sqrt(x[i]);
  return x;
#endif
}

// exp within 2 units in the last place: 2^n times a polynomial on [-ln 2 / 2, ln 2 / 2] (the
// coefficients of Cephes' expf). A NaN stays a NaN.
inline Vector exp_of(Vector x) {
  const Vector is_number = x == x ? fill(0.0F) : x;
  const Vector bounded = min_of(max_of(x, fill(-87.0F)), fill(88.0F));
  const Vector shifted = bounded * 1.44269504088896341F + 12582912.0F;  // 1.5 * 2^23 rounds
  const Vector n = shifted - 12582912.0F;
  const Vector r = bounded - n * 0.693359375F + n * 2.12194440e-4F;
  Vector p = fill(1.9875691500e-4F);
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  const Words scale = (reinterpret_cast<Words>(shifted) << 23) + 0x3f800000U;
  return p * reinterpret_cast<Vector>(scale) + is_number;
}

}  // namespace flywheel::FLYWHEEL_ISA
