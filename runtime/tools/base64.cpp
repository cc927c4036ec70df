#include "runtime/tools/base64.hpp"

#include <cstdint>

namespace flywheel {
namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string encode_base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t word = 0;
    for (std::size_t k = 0; k < 3; ++k)
      word = word << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k)
      text += i + k <= bytes.size() ? alphabet[word >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

Result<std::string> decode_base64(std::string_view text) {
  const auto refuse = [] { return fail(Failure::invalid_input, "this is not base64"); };
  if (text.size() % 4 != 0) return refuse();
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const bool is_last = i + 4 == text.size();
    std::size_t padding = 0;
    std::uint32_t word = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const auto digit = alphabet.find(text[i + k]);
      const bool is_padding = is_last && k >= 2 && text[i + k] == '=';
      if ((digit == std::string_view::npos && !is_padding) || (!is_padding && padding > 0))
        return refuse();
      padding += is_padding ? 1 : 0;
      word = word << 6 | (is_padding ? 0u : static_cast<std::uint32_t>(digit));
    }
    for (std::size_t k = 0; k < 3 - padding; ++k)
      bytes += static_cast<char>(word >> (16 - 8 * k) & 0xff);
  }
  return bytes;
}

}  // namespace flywheel
