#include "runtime/base/hash.hpp"

#include <charconv>

#include <fmt/format.h>
#include <xxhash.h>

namespace flywheel {

Hash128 hash_bytes(const void* data, std::size_t size_bytes) {
  const XXH128_hash_t hash = XXH3_128bits(data, size_bytes);
  return {hash.high64, hash.low64};
}

Hash128 combine(Hash128 first, Hash128 second) {
  const std::uint64_t words[4] = {first.high, first.low, second.high, second.low};
  return hash_bytes(words, sizeof words);
}

std::string to_string(Hash128 hash) {
  return fmt::format("{:016x}{:016x}", hash.high, hash.low);
}

Result<Hash128> parse_hash(std::string_view text) {
  Hash128 hash;
  const auto parse = [](std::string_view digits, std::uint64_t& word) {
    const auto [end, code] = std::from_chars(digits.begin(), digits.end(), word, 16);
    return code == std::errc{} && end == digits.end();
  };
  if (text.size() != 32 || !parse(text.substr(0, 16), hash.high) ||
      !parse(text.substr(16), hash.low))
    return fail(Failure::invalid_input,
                fmt::format("'{}' is not a hash: 32 hexadecimal digits are expected", text));
  return hash;
}

}  // namespace flywheel
