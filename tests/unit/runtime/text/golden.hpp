// What tests/interop/make_text_goldens.py wrote, and the hashes it writes with.
#pragma once

#include <cstdint>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "runtime/base/json.hpp"
#include "runtime/base/transcript.hpp"

namespace flywheel::golden {

inline const std::string folder = "tests/golden/text/";

inline std::string read_text(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

inline Json read_json(const std::string& name) {
  auto json = parse_json(read_text(folder + name), name);
  return json ? *json : Json{};
}

// FNV-1a, 64 bits, as 16 hexadecimal digits.
inline std::string hash_of(std::string_view bytes) {
  std::uint64_t value = 0xcbf29ce484222325ULL;
  for (const char byte : bytes)
    value = (value ^ static_cast<unsigned char>(byte)) * 0x100000001b3ULL;
  return fmt::format("{:016x}", value);
}

inline std::string hash_of_ids(std::span<const Token> ids) {
  std::string bytes;
  for (const Token id : ids)
    for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(id >> shift & 0xff);
  return hash_of(bytes);
}

}  // namespace flywheel::golden
