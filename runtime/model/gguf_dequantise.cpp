// Block formats of ggml (ggml-common.h and ggml-quants.c of the llama.cpp project). Notation:
// `scale` and `minimum` are a block's numbers in half precision, x = scale * q - minimum (or +
// minimum).
#include <cstring>

#include "runtime/base/check.hpp"
#include "runtime/model/gguf.hpp"
#include "runtime/model/half.hpp"

namespace flywheel {
namespace {

// One block's bytes as unsigned numbers; half(i) and so on read at byte i.
struct Block {
  const std::byte* data;

  int operator[](int i) const { return static_cast<int>(data[i]); }
  int signed_at(int i) const { return static_cast<std::int8_t>(data[i]); }
  float half(int i) const {
    std::uint16_t bits;
    std::memcpy(&bits, data + i, sizeof bits);
    return float_of_half(bits);
  }
  std::uint32_t word(int i) const {
    std::uint32_t bits;
    std::memcpy(&bits, data + i, sizeof bits);
    return bits;
  }
};

void dequantise_q8_0(Block block, float* numbers) {
  const float scale = block.half(0);
  for (int i = 0; i < 32; ++i) numbers[i] = scale * static_cast<float>(block.signed_at(2 + i));
}

// Byte i holds number i in its low and number i + 16 in its high four bits.
void dequantise_q4_0(Block block, float* numbers) {
  const float scale = block.half(0);
  for (int i = 0; i < 16; ++i) {
    numbers[i] = scale * static_cast<float>((block[2 + i] & 15) - 8);
    numbers[i + 16] = scale * static_cast<float>((block[2 + i] >> 4) - 8);
  }
}

void dequantise_q4_1(Block block, float* numbers) {
  const float scale = block.half(0), minimum = block.half(2);
  for (int i = 0; i < 16; ++i) {
    numbers[i] = scale * static_cast<float>(block[4 + i] & 15) + minimum;
    numbers[i + 16] = scale * static_cast<float>(block[4 + i] >> 4) + minimum;
  }
}

// The fifth bit of number i is bit i of a 32-bit word.
void dequantise_q5_0(Block block, float* numbers) {
  const float scale = block.half(0);
  const std::uint32_t high = block.word(2);
  for (int i = 0; i < 16; ++i) {
    const int low_bit = static_cast<int>(high >> i & 1),
              high_bit = static_cast<int>(high >> (i + 16) & 1);
    numbers[i] = scale * static_cast<float>(((block[6 + i] & 15) | low_bit << 4) - 16);
    numbers[i + 16] = scale * static_cast<float>((block[6 + i] >> 4 | high_bit << 4) - 16);
  }
}

void dequantise_q5_1(Block block, float* numbers) {
  const float scale = block.half(0), minimum = block.half(2);
  const std::uint32_t high = block.word(4);
  for (int i = 0; i < 16; ++i) {
    const int low_bit = static_cast<int>(high >> i & 1),
              high_bit = static_cast<int>(high >> (i + 16) & 1);
    numbers[i] = scale * static_cast<float>((block[8 + i] & 15) | low_bit << 4) + minimum;
    numbers[i + 16] = scale * static_cast<float>(block[8 + i] >> 4 | high_bit << 4) + minimum;
  }
}

// Two bits a number: scales[16], quants[64], scale, minimum. Sixteen numbers share a scale and a
// minimum of four bits each. A run of 32 quant bytes holds 128 numbers, two bits deep each time.
void dequantise_q2_k(Block block, float* numbers) {
  const float scale = block.half(80), minimum = block.half(82);
  for (int i = 0; i < 256; ++i) {
    const int half = i / 128, shift = i % 128 / 32 * 2, lane = i % 32;
    const int quant = block[16 + half * 32 + lane] >> shift & 3;
    const int scales = block[i / 16];
    numbers[i] = scale * static_cast<float>(scales & 15) * static_cast<float>(quant) -
                 minimum * static_cast<float>(scales >> 4);
  }
}

// Three bits a number: high[32], quants[64], scales[12], scale. A clear high bit means minus four.
// Scale j of 16 has its low four bits in byte j % 8 and its high two in byte 8 + j % 4.
void dequantise_q3_k(Block block, float* numbers) {
  const float scale = block.half(108);
  for (int i = 0; i < 256; ++i) {
    const int half = i / 128, quarter = i % 128 / 32, lane = i % 32, j = i / 16;
    const int low = block[96 + j % 8] >> (j < 8 ? 0 : 4) & 15;
    const int high = block[104 + j % 4] >> (j / 4 * 2) & 3;
    const int quant = (block[32 + half * 32 + lane] >> (quarter * 2) & 3) -
                      ((block[lane] >> (half * 4 + quarter) & 1) != 0 ? 0 : 4);
    numbers[i] = scale * static_cast<float>((low | high << 4) - 32) * static_cast<float>(quant);
  }
}

struct ScaleAndMinimum {
  int scale = 0, minimum = 0;
};

// Eight scales and eight minima of six bits in twelve bytes, from byte `start`: the first four of
// each in the low six bits of bytes 0-3 and 4-7; the others' low four bits in bytes 8-11, their
// high two in the top bits of bytes 0-3 and 4-7.
ScaleAndMinimum six_bits(Block block, int start, int j) {
  if (j < 4) return {block[start + j] & 63, block[start + j + 4] & 63};
  const int low = block[start + j + 4];
  return {(low & 15) | block[start + j - 4] >> 6 << 4, low >> 4 | block[start + j] >> 6 << 4};
}

// Four bits a number: scale, minimum, scales[12], quants[128].
void dequantise_q4_k(Block block, float* numbers) {
  const float scale = block.half(0), minimum = block.half(2);
  for (int j = 0; j < 8; ++j) {
    const ScaleAndMinimum part = six_bits(block, 4, j);
    const float part_scale = scale * static_cast<float>(part.scale);
    const float part_minimum = minimum * static_cast<float>(part.minimum);
    for (int i = 0; i < 32; ++i) {
      const int quant = block[16 + j / 2 * 32 + i] >> (j % 2 * 4) & 15;
      numbers[j * 32 + i] = part_scale * static_cast<float>(quant) - part_minimum;
    }
  }
}

// Five bits a number: as q4_k with high[32] before quants[128]; part j's fifth bit is bit j.
void dequantise_q5_k(Block block, float* numbers) {
  const float scale = block.half(0), minimum = block.half(2);
  for (int j = 0; j < 8; ++j) {
    const ScaleAndMinimum part = six_bits(block, 4, j);
    const float part_scale = scale * static_cast<float>(part.scale);
    const float part_minimum = minimum * static_cast<float>(part.minimum);
    for (int i = 0; i < 32; ++i) {
      const int quant = (block[48 + j / 2 * 32 + i] >> (j % 2 * 4) & 15) | (block[16 + i] >> j & 1)
                                                                               << 4;
      numbers[j * 32 + i] = part_scale * static_cast<float>(quant) - part_minimum;
    }
  }
}

// Six bits a number: low[128], high[64], scales[16] of eight bits, scale.
void dequantise_q6_k(Block block, float* numbers) {
  const float scale = block.half(208);
  for (int i = 0; i < 256; ++i) {
    const int half = i / 128, quarter = i % 128 / 32, lane = i % 32;
    const int low = block[half * 64 + quarter % 2 * 32 + lane] >> (quarter / 2 * 4) & 15;
    const int high = block[128 + half * 32 + lane] >> (quarter * 2) & 3;
    const float part_scale = scale * static_cast<float>(block.signed_at(192 + i / 16));
    numbers[i] = part_scale * static_cast<float>((low | high << 4) - 32);
  }
}

// Eight bits a number: scale in single precision, quants[256], sums that only products need.
void dequantise_q8_k(Block block, float* numbers) {
  float scale;
  std::memcpy(&scale, block.data, sizeof scale);
  for (int i = 0; i < 256; ++i) numbers[i] = scale * static_cast<float>(block.signed_at(4 + i));
}

using BlockFunction = void (*)(Block, float*);

BlockFunction function_of(GgufType type) {
  switch (type) {
    case GgufType::f32:
      return [](Block block, float* number) { std::memcpy(number, block.data, 4); };
    case GgufType::f16:
      return [](Block block, float* number) { *number = block.half(0); };
    case GgufType::bf16:
      return [](Block block, float* number) {
        std::uint16_t bits;
        std::memcpy(&bits, block.data, sizeof bits);
        *number = float_of_bfloat16(bits);
      };
    case GgufType::q8_0:
      return dequantise_q8_0;
    case GgufType::q4_0:
      return dequantise_q4_0;
    case GgufType::q4_1:
      return dequantise_q4_1;
    case GgufType::q5_0:
      return dequantise_q5_0;
    case GgufType::q5_1:
      return dequantise_q5_1;
    case GgufType::q2_k:
      return dequantise_q2_k;
    case GgufType::q3_k:
      return dequantise_q3_k;
    case GgufType::q4_k:
      return dequantise_q4_k;
    case GgufType::q5_k:
      return dequantise_q5_k;
    case GgufType::q6_k:
      return dequantise_q6_k;
    case GgufType::q8_k:
      return dequantise_q8_k;
  }
  return nullptr;
}

}  // namespace

void dequantise(GgufType type, std::span<const std::byte> bytes, std::span<float> numbers) {
  const GgufBlock block = block_of(type);
  const BlockFunction function = function_of(type);
  FLYWHEEL_CHECK(function != nullptr);
  const auto block_numbers = static_cast<std::size_t>(block.number_count);
  const auto block_bytes = static_cast<std::size_t>(block.size_bytes);
  FLYWHEEL_CHECK(bytes.size() % block_bytes == 0 &&
                 bytes.size() / block_bytes * block_numbers == numbers.size());
  for (std::size_t i = 0; i < bytes.size() / block_bytes; ++i)
    function({bytes.data() + i * block_bytes}, numbers.data() + i * block_numbers);
}

}  // namespace flywheel
