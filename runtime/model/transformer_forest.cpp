#include "runtime/model/transformer_forest.hpp"

#include <algorithm>

#include "runtime/base/check.hpp"

namespace flywheel {
namespace {

// Puts sequences [begin, end), which agree on `depth` tokens, below segment `parent`.
class ForestBuilder {
 public:
  ForestBuilder(std::span<const std::span<const Token>> sequences, TokenForest& forest)
      : sequences_(sequences), forest_(forest) {}

  void add(std::size_t begin, std::size_t end, std::int64_t depth, std::int64_t parent) {
    std::size_t first = begin;
    while (first < end && length(first) == depth) ++first;  // sequences that end here
    while (first < end) {
      std::size_t last = first + 1;
      std::int64_t shared = length(first);
      while (last < end && agree(first, last, depth)) {
        shared = std::min(shared, common_prefix(sequences_[first], sequences_[last]));
        ++last;
      }
      const auto child = append_segment(sequences_[first], depth, shared, parent);
      for (std::size_t i = first; i < last; ++i) append_rows(i, depth, shared, child);
      if (last - first > 1) add(first, last, shared, child);
      first = last;
      while (first < end && length(first) == depth) ++first;
    }
  }

 private:
  std::int64_t length(std::size_t i) const {
    return static_cast<std::int64_t>(sequences_[i].size());
  }

  bool agree(std::size_t a, std::size_t b, std::int64_t depth) const {
    const auto at = static_cast<std::size_t>(depth);
    return length(b) > depth && sequences_[a][at] == sequences_[b][at];
  }

  std::int64_t append_segment(std::span<const Token> sequence, std::int64_t from, std::int64_t to,
                              std::int64_t parent) {
    const auto index = static_cast<std::int64_t>(forest_.segments.size());
    if (parent < 0) forest_.roots.push_back(index);
    forest_.segments.push_back({.row_begin = forest_.row_count(),
                                .length = to - from,
                                .position_begin = from,
                                .parent = parent});
    for (auto position = from; position < to; ++position) {
      forest_.tokens.push_back(sequence[static_cast<std::size_t>(position)]);
      forest_.positions.push_back(static_cast<std::int32_t>(position));
    }
    forest_.position_count = std::max(forest_.position_count, to);
    return index;
  }

  void append_rows(std::size_t sequence, std::int64_t from, std::int64_t to, std::int64_t segment) {
    const auto row_begin = forest_.segments[static_cast<std::size_t>(segment)].row_begin;
    for (auto i = from; i < to; ++i)
      forest_.sequence_rows[sequence].push_back(row_begin + i - from);
  }

  std::span<const std::span<const Token>> sequences_;
  TokenForest& forest_;
};

}  // namespace

std::int64_t common_prefix(std::span<const Token> a, std::span<const Token> b) {
  const auto size = static_cast<std::ptrdiff_t>(std::min(a.size(), b.size()));
  return std::mismatch(a.begin(), a.begin() + size, b.begin()).first - a.begin();
}

TokenForest make_forest(std::span<const std::span<const Token>> sequences) {
  TokenForest forest;
  forest.sequence_rows.resize(sequences.size());
  for (const auto& sequence : sequences) FLYWHEEL_CHECK(!sequence.empty());
  ForestBuilder{sequences, forest}.add(0, sequences.size(), 0, -1);
  return forest;
}

}  // namespace flywheel
