#include "runtime/synthesis/near_duplicates.hpp"

#include <algorithm>

#include "runtime/base/hash.hpp"

namespace flywheel {
namespace {

constexpr std::size_t run_length = 5;

// The finaliser of SplitMix64: one hash a row of the sketch out of one hash of the run.
std::uint64_t mix(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

}  // namespace

TextSketch sketch_of(std::span<const std::string> tokens) {
  TextSketch sketch;
  sketch.fill(~0ULL);
  const std::size_t length = std::min(run_length, tokens.size());
  if (length == 0) return sketch;
  for (std::size_t start = 0; start + length <= tokens.size(); ++start) {
    std::string run;
    for (const std::string& token : tokens.subspan(start, length)) run += token + '\0';
    const std::uint64_t hash = hash_text(run).low;
    for (std::size_t row = 0; row < sketch_size; ++row)
      sketch[row] = std::min(sketch[row], mix(hash + (row + 1) * 0x9e3779b97f4a7c15ULL));
  }
  return sketch;
}

double resemblance(const TextSketch& left, const TextSketch& right) {
  std::size_t same = 0;
  for (std::size_t row = 0; row < sketch_size; ++row) same += left[row] == right[row] ? 1 : 0;
  return static_cast<double>(same) / sketch_size;
}

std::vector<std::int64_t> earlier_duplicates(std::span<const TextSketch> sketches,
                                             double resemblance_min) {
  std::vector<std::int64_t> earlier(sketches.size(), -1);
  for (std::size_t n = 0; n < sketches.size(); ++n)
    for (std::size_t before = 0; before < n && earlier[n] < 0; ++before)
      if (earlier[before] < 0 && resemblance(sketches[n], sketches[before]) >= resemblance_min)
        earlier[n] = static_cast<std::int64_t>(before);
  return earlier;
}

}  // namespace flywheel
