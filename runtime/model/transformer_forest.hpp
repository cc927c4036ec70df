// TokenForest packs many token sequences so that beginnings they share are computed once.
//
//   a b c d ┬ e f g      sequence 0        rows:     a b c d e f g x y
//           └ x y        sequence 1        segments: [a b c d] ◀─ [e f g], [x y]
//
// A segment is a run of tokens that attends causally to itself and fully to its chain of ancestors.
// Segments are in depth-first order, so that all rows of a tree are contiguous and, while a segment
// is visited, positions before it belong to its ancestors.
//
// Guarantees: the forest is a function of the set of sequences given, in the order given.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/base/transcript.hpp"

namespace flywheel {

struct TokenSegment {
  std::int64_t row_begin = 0;       // rows of the packed batch: row_begin to row_begin + length - 1
  std::int64_t length = 0;          // tokens
  std::int64_t position_begin = 0;  // place of its first token in its sequences
  std::int64_t parent = -1;         // index of the segment it goes on from; -1 = a root

  std::int64_t position_end() const { return position_begin + length; }
};

struct TokenForest {
  std::vector<Token> tokens{};            // by row
  std::vector<std::int32_t> positions{};  // by row
  std::vector<TokenSegment> segments{};   // depth first
  std::vector<std::int64_t> roots{};      // index of each tree's first segment, in order
  std::vector<std::vector<std::int64_t>> sequence_rows{};  // [sequence][position] = row
  std::int64_t position_count = 0;                         // 1 + the largest position

  std::int64_t row_count() const { return static_cast<std::int64_t>(tokens.size()); }
};

// Shares every common beginning when `sequences` is in lexicographic order; in other orders only
// neighbours' beginnings are shared. No sequence may be empty.
TokenForest make_forest(std::span<const std::span<const Token>> sequences);

// How many tokens at the beginning are equal.
std::int64_t common_prefix(std::span<const Token> a, std::span<const Token> b);

}  // namespace flywheel
