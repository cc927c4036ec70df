// Simd is the widest vector of floats of the instruction set a kernel file is compiled for, and the
// few operations that GCC's vector arithmetic lacks. Everything is static: no symbol of one
// instruction set may be linked into another.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace flywheel {
namespace {

#if defined(__AVX512F__)
constexpr std::int64_t lanes = 16;
constexpr int tile_rows = 8;  // 8 x 3 accumulators, 3 weights and an input fill 32 registers
#elif defined(__AVX2__)
constexpr std::int64_t lanes = 8;
constexpr int tile_rows = 4;
#else
constexpr std::int64_t lanes = 4;
constexpr int tile_rows = 4;
#endif

typedef float Floats __attribute__((vector_size(4 * lanes)));
typedef std::uint32_t Words __attribute__((vector_size(4 * lanes)));
typedef std::int32_t Integers __attribute__((vector_size(4 * lanes)));
typedef std::uint16_t Halves __attribute__((vector_size(2 * lanes)));

using Bfloat16 = std::uint16_t;

inline Floats broadcast(float x) {
  return x - Floats{};
}
inline Floats load(const float* from) {
  Floats x;
  std::memcpy(&x, from, sizeof x);
  return x;
}
inline Floats load(const Bfloat16* from) {
  Halves halves;
  std::memcpy(&halves, from, sizeof halves);
  return reinterpret_cast<Floats>(__builtin_convertvector(halves, Words) << 16);
}
inline Words load_words(const void* from) {
  Words x;
  std::memcpy(&x, from, sizeof x);
  return x;
}
inline void store(float* to, Floats x) {
  std::memcpy(to, &x, sizeof x);
}

// Rounds to nearest even; NaN is not kept.
inline Words to_bfloat16_bits(Floats x) {
  const Words bits = reinterpret_cast<Words>(x);
  return (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
}
inline void store(Bfloat16* to, Floats x) {
  const Halves halves = __builtin_convertvector(to_bfloat16_bits(x), Halves);
  std::memcpy(to, &halves, sizeof halves);
}
inline void store_one(float* to, float x) {
  *to = x;
}
inline void store_one(Bfloat16* to, float x) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, 4);
  *to = static_cast<Bfloat16>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}
inline float load_one(const float* from) {
  return *from;
}
inline float load_one(const Bfloat16* from) {
  const std::uint32_t bits = static_cast<std::uint32_t>(*from) << 16;
  float x;
  std::memcpy(&x, &bits, 4);
  return x;
}

inline Floats rounded_to(const float*, Floats x) {
  return x;
}
inline Floats rounded_to(const Bfloat16*, Floats x) {
  return reinterpret_cast<Floats>(to_bfloat16_bits(x) << 16);
}

inline Floats fused_multiply_add(Floats a, Floats b, Floats c) {
#if defined(__AVX512F__)
  return reinterpret_cast<Floats>(_mm512_fmadd_ps(
      reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b), reinterpret_cast<__m512>(c)));
#elif defined(__FMA__)
  return reinterpret_cast<Floats>(_mm256_fmadd_ps(
      reinterpret_cast<__m256>(a), reinterpret_cast<__m256>(b), reinterpret_cast<__m256>(c)));
#else
  return a * b + c;
#endif
}

// sum + a[k] * b[k], where the type of `tag` says what the 32 bits of each lane hold: one float, or
// two bfloat16.
inline Floats multiply_add(const float*, Words a, Words b, Floats sum) {
  return fused_multiply_add(reinterpret_cast<Floats>(a), reinterpret_cast<Floats>(b), sum);
}
inline Floats multiply_add(const Bfloat16*, Words a, Words b, Floats sum) {
#if defined(__AVX512BF16__)
  return reinterpret_cast<Floats>(_mm512_dpbf16_ps(
      reinterpret_cast<__m512>(sum), reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b)));
#else
  sum =
      fused_multiply_add(reinterpret_cast<Floats>(a << 16), reinterpret_cast<Floats>(b << 16), sum);
  return fused_multiply_add(reinterpret_cast<Floats>(a & 0xffff0000),
                            reinterpret_cast<Floats>(b & 0xffff0000), sum);
#endif
}

inline float sum_of(Floats x) {
  float sum = 0.0f;
  for (std::int64_t i = 0; i < lanes; ++i) sum += x[i];
  return sum;
}
inline float maximum_of(Floats x) {
  float best = x[0];
  for (std::int64_t i = 1; i < lanes; ++i) best = x[i] > best ? x[i] : best;
  return best;
}
inline Floats maximum_of(Floats a, Floats b) {
  return a > b ? a : b;
}

// e^x within 2 units in the last place: 2^n times a degree-6 polynomial on [-ln2/2, ln2/2]
// (Cephes expf). Below -87.3 it is 0; above 88 it is held at e^88. A NaN stays a NaN: maximum_of
// answers with its second operand wherever a comparison with one is false.
inline Floats exp_of(Floats x) {
  const Floats clamped = maximum_of(broadcast(-87.3f), x > 88.0f ? broadcast(88.0f) : x);
  const Floats magic = broadcast(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer
  const Floats shifted = clamped * 1.44269504088896341f + magic;
  const Floats n = shifted - magic;
  Floats r = fused_multiply_add(n, broadcast(-0.693359375f), clamped);
  r = fused_multiply_add(n, broadcast(2.12194440e-4f), r);
  Floats p = broadcast(1.9875691500e-4f);
  p = fused_multiply_add(p, r, broadcast(1.3981999507e-3f));
  p = fused_multiply_add(p, r, broadcast(8.3334519073e-3f));
  p = fused_multiply_add(p, r, broadcast(4.1665795894e-2f));
  p = fused_multiply_add(p, r, broadcast(1.6666665459e-1f));
  p = fused_multiply_add(p, r, broadcast(5.0000001201e-1f));
  p = fused_multiply_add(p, r * r, r + 1.0f);
  const Words power = (reinterpret_cast<Words>(shifted) - reinterpret_cast<Words>(magic)) << 23;
  const Floats result = reinterpret_cast<Floats>(reinterpret_cast<Words>(p) + power);
  return x < -87.3f ? Floats{} : result;
}

}  // namespace
}  // namespace flywheel
