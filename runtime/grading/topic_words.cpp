#include "runtime/grading/topic_words.hpp"

#include <algorithm>
#include <map>

#include "runtime/tasks/list_items.hpp"

namespace flywheel {
namespace {

std::vector<std::string> split_items(std::string_view items) {
  std::vector<std::string> words;
  for (;;) {
    const auto comma = items.find(',');
    words.emplace_back(items.substr(0, comma));
    if (comma == std::string_view::npos) return words;
    items.remove_prefix(comma + 1);
  }
}

std::map<std::string, TopicWords, std::less<>> read_rows() {
  std::map<std::string, TopicWords, std::less<>> topics;
  for (const auto rows : {training_topic_rows(), held_out_topic_rows()})
    for (const TopicRow& row : rows)
      topics.try_emplace(std::string{row.topic}, split_items(row.items), row.holds_titles);
  return topics;
}

}  // namespace

TopicWords::TopicWords(const std::vector<std::string>& words, bool holds_titles)
    : holds_titles_(holds_titles) {
  for (const std::string& word : words) {
    std::string comparable = comparable_item(word);
    if (comparable.empty()) continue;
    const auto blanks = std::count(comparable.begin(), comparable.end(), ' ');
    word_count_max_ = std::max(word_count_max_, static_cast<std::size_t>(blanks) + 1);
    words_.insert(std::move(comparable));
  }
}

bool TopicWords::has(std::string_view item) const {
  return has_comparable(comparable_item(item));
}

bool TopicWords::accepts(std::string_view item) const {
  const std::string comparable = comparable_item(item);
  std::vector<std::size_t> starts = {0};
  for (std::size_t i = 0; i < comparable.size(); ++i)
    if (comparable[i] == ' ') starts.push_back(i + 1);
  for (std::size_t first = 0; first < starts.size(); ++first) {
    const std::size_t last_end = std::min(starts.size(), first + word_count_max_);
    for (std::size_t last = first + 1; last <= last_end; ++last) {
      const std::size_t end = last == starts.size() ? comparable.size() : starts[last] - 1;
      if (has_comparable(comparable.substr(starts[first], end - starts[first]))) return true;
    }
  }
  return false;
}

const TopicWords* find_topic_words(std::string_view topic) {
  static const auto topics = read_rows();
  const auto found = topics.find(topic);
  return found == topics.end() ? nullptr : &found->second;
}

}  // namespace flywheel
