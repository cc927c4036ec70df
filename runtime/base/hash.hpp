// Content hashes: 128 bits of XXH3, for equality of what we wrote ourselves, not against forgers.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/result.hpp"

namespace flywheel {

struct Hash128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  auto operator<=>(const Hash128&) const = default;
};

Hash128 hash_bytes(const void* data, std::size_t size_bytes);
inline Hash128 hash_text(std::string_view text) {
  return hash_bytes(text.data(), text.size());
}
Hash128 combine(Hash128 first, Hash128 second);  // order matters

std::string to_string(Hash128 hash);  // 32 hexadecimal digits
Result<Hash128> parse_hash(std::string_view text);

}  // namespace flywheel
