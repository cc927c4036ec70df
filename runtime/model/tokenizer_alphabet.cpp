#include "runtime/model/tokenizer_alphabet.hpp"

#include <array>
#include <cstdint>

#include "runtime/model/tokenizer_utf8.hpp"

namespace flywheel {
namespace {

constexpr std::size_t alphabet_end = 0x100 + 68;  // one past the last character used

struct Alphabet {
  std::array<std::string, 256> letters{};
  std::array<std::int16_t, alphabet_end> bytes{};

  Alphabet() {
    bytes.fill(-1);
    char32_t next = 0x100;
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const bool printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte != 0xad);
      const char32_t code_point = printable ? static_cast<char32_t>(byte) : next++;
      utf8::append(letters[byte], code_point);
      bytes[code_point] = static_cast<std::int16_t>(byte);
    }
  }
};

const Alphabet& alphabet() {
  static const Alphabet instance;
  return instance;
}

}  // namespace

const std::string& letter_of(unsigned char byte) {
  return alphabet().letters[byte];
}

std::string to_alphabet(std::string_view bytes) {
  std::string token;
  token.reserve(bytes.size() * 2);
  for (const char byte : bytes) token += letter_of(static_cast<unsigned char>(byte));
  return token;
}

std::optional<std::string> from_alphabet(std::string_view token) {
  std::string bytes;
  bytes.reserve(token.size());
  for (std::size_t at = 0; at < token.size();) {
    const std::size_t size = utf8::size_at(token, at);
    if (size == 0) return std::nullopt;
    const char32_t code_point = utf8::code_point_at(token, at);
    if (code_point >= alphabet_end || alphabet().bytes[code_point] < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(alphabet().bytes[code_point]));
    at += size;
  }
  return bytes;
}

}  // namespace flywheel
