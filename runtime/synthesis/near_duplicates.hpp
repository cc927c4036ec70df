// Finds texts that are nearly the same, by MinHash (Broder 1997) over runs of tokens.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace flywheel {

inline constexpr std::size_t sketch_size = 128;
using TextSketch = std::array<std::uint64_t, sketch_size>;

TextSketch sketch_of(std::span<const std::string> tokens);

// Estimated share of runs of 5 tokens that two texts have in common (Jaccard), to about 0.05.
double resemblance(const TextSketch& left, const TextSketch& right);

// For each text the place of an earlier kept one that it resembles at least so much, or -1: kept.
std::vector<std::int64_t> earlier_duplicates(std::span<const TextSketch> sketches,
                                             double resemblance_min = 0.8);

}  // namespace flywheel
