// TextIndex finds documents by their words: BM25 (Robertson and Zaragoza 2009, "The Probabilistic
// Relevance Framework", section 3) over an inverted index in memory.
//
//   score(d) = sum over the query's words of idf(w) * tf * (k1 + 1) / (tf + k1 * (1 - b + b * |d| /
//   avg))
//
// Guarantees: equal scores are ordered by document, so a query always gives the same list.
// Threads:    const after the last add(); any thread may search.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace flywheel {

inline constexpr std::size_t query_words_max = 32;  // of one search; what comes on top is not read

// Words as the index has them: runs of letters and digits, ASCII in lower case.
std::vector<std::string> words_of(std::string_view text);

struct TextHit {
  std::uint32_t document = 0;
  double score = 0.0;
};

class TextIndex {
 public:
  std::uint32_t add(std::string_view text);  // numbers documents from 0
  std::vector<TextHit> search(std::string_view query, std::size_t count_max) const;
  std::size_t size() const { return word_counts_.size(); }

 private:
  struct Posting {
    std::uint32_t document = 0;
    std::uint32_t count = 0;
  };

  std::unordered_map<std::string, std::vector<Posting>> postings_;
  std::vector<std::uint32_t> word_counts_;  // of each document
  std::uint64_t words_total_ = 0;
};

}  // namespace flywheel
