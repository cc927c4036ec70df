#include "runtime/tools/text_index.hpp"

#include <algorithm>
#include <cmath>
#include <set>

namespace flywheel {
namespace {

constexpr double k1 = 1.2;
constexpr double b = 0.75;

bool is_word_byte(char byte) {
  const auto value = static_cast<unsigned char>(byte);
  return value >= 0x80 || (value >= '0' && value <= '9') || (value >= 'a' && value <= 'z') ||
         (value >= 'A' && value <= 'Z');
}

}  // namespace

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (const char byte : text) {
    if (is_word_byte(byte)) {
      word += byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte;
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

std::uint32_t TextIndex::add(std::string_view text) {
  const auto document = static_cast<std::uint32_t>(word_counts_.size());
  const auto words = words_of(text);
  for (const auto& word : words) {
    auto& list = postings_[word];
    if (list.empty() || list.back().document != document) list.push_back({document, 0});
    ++list.back().count;
  }
  word_counts_.push_back(static_cast<std::uint32_t>(words.size()));
  words_total_ += words.size();
  return document;
}

std::vector<TextHit> TextIndex::search(std::string_view query, std::size_t count_max) const {
  if (word_counts_.empty()) return {};
  auto words = words_of(query);
  if (words.size() > query_words_max) words.resize(query_words_max);
  const std::set<std::string> distinct{words.begin(), words.end()};
  const auto document_count = static_cast<double>(size());
  const double average = std::max(1.0, static_cast<double>(words_total_) / document_count);
  std::unordered_map<std::uint32_t, double> scores;
  for (const auto& word : distinct) {
    const auto found = postings_.find(word);
    if (found == postings_.end()) continue;
    const auto with = static_cast<double>(found->second.size());
    const double idf = std::log(1.0 + (document_count - with + 0.5) / (with + 0.5));
    for (const auto& [document, count] : found->second) {
      const double tf = count;
      const double length = word_counts_[document] / average;
      scores[document] += idf * tf * (k1 + 1.0) / (tf + k1 * (1.0 - b + b * length));
    }
  }
  std::vector<TextHit> hits;
  hits.reserve(scores.size());
  for (const auto& [document, score] : scores) hits.push_back({document, score});
  const auto better = [](const TextHit& one, const TextHit& other) {
    return one.score != other.score ? one.score > other.score : one.document < other.document;
  };
  const auto kept = std::min(count_max, hits.size());
  std::partial_sort(hits.begin(), hits.begin() + static_cast<std::ptrdiff_t>(kept), hits.end(),
                    better);
  hits.resize(kept);
  return hits;
}

}  // namespace flywheel
