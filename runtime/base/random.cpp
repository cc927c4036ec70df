#include "runtime/base/random.hpp"

#include <vector>

#include <Random123/philox.h>

#include "runtime/base/check.hpp"
#include "runtime/base/hash.hpp"

namespace flywheel {

RandomKey derive_key(std::initializer_list<std::uint64_t> words) {
  return {hash_bytes(words.begin(), words.size() * sizeof(std::uint64_t)).low};
}

std::uint64_t Random::next() {
  const philox4x32_ctr_t counter = {
      {static_cast<std::uint32_t>(position_), static_cast<std::uint32_t>(position_ >> 32), 0, 0}};
  const philox4x32_key_t key = {
      {static_cast<std::uint32_t>(key_.value), static_cast<std::uint32_t>(key_.value >> 32)}};
  const philox4x32_ctr_t block = philox4x32(counter, key);
  ++position_;
  return static_cast<std::uint64_t>(block.v[0]) << 32 | block.v[1];
}

double Random::unit() {
  return static_cast<double>(next() >> 11) * 0x1.0p-53;
}

std::uint64_t Random::below(std::uint64_t bound) {
  FLYWHEEL_CHECK(bound > 0);
  const std::uint64_t threshold = (0 - bound) % bound;  // rejects the words that would bias
  for (;;) {
    const auto product = static_cast<unsigned __int128>(next()) * bound;
    if (static_cast<std::uint64_t>(product) >= threshold)
      return static_cast<std::uint64_t>(product >> 64);
  }
}

}  // namespace flywheel
