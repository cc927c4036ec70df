// Which items belong to a topic: the word lists behind the category guard.
//
// The lists are written by hand and generous (dozens of items a topic), but no list is whole: the
// guard is for comparing one checkpoint with another on the same tasks, never part of a pass.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace flywheel {

class TopicWords {
 public:
  // `words` as people write them; `holds_titles`: items are titles (books), which may be long, hold
  // colons and numbers, and join words by "and".
  TopicWords(const std::vector<std::string>& words, bool holds_titles);

  // All of the item is a word of the list: comparable_item(item) is.
  bool has(std::string_view item) const;

  // The item is in the list or holds a word of it: "Granny Smith apple" holds "apple".
  bool accepts(std::string_view item) const;

  bool holds_titles() const { return holds_titles_; }
  std::size_t size() const { return words_.size(); }
  const std::unordered_set<std::string>& words() const { return words_; }

 private:
  bool has_comparable(const std::string& item) const { return words_.count(item) != 0; }

  std::unordered_set<std::string> words_;  // comparable_item of each
  std::size_t word_count_max_ = 1;         // of the longest entry
  bool holds_titles_ = false;
};

// The list of a topic, or nullptr. Lists live as long as the program.
const TopicWords* find_topic_words(std::string_view topic);

// One row of the data files: items between commas.
struct TopicRow {
  std::string_view topic{};
  bool holds_titles = false;
  std::string_view items{};
};
std::span<const TopicRow> training_topic_rows();
std::span<const TopicRow> held_out_topic_rows();

}  // namespace flywheel
