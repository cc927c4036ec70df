#include "runtime/grading/list_answer.hpp"

#include <algorithm>
#include <unordered_set>

#include <fmt/ranges.h>

#include "runtime/grading/grader.hpp"
#include "runtime/grading/pattern.hpp"

namespace flywheel {
namespace {

constexpr std::size_t indentation_max = 3;  // CommonMark: four blanks make a code block
constexpr std::size_t blanks_after_marker_max = 4;
constexpr std::size_t explanation_words_min = 3;
constexpr std::size_t counters_max = 3;       // on either side of an item
constexpr std::size_t glued_letters_min = 3;  // "apple2" is a counted apple, "b12" a name

std::size_t leading_blanks(std::string_view line) {
  const auto at = line.find_first_not_of(" \t");
  return at == std::string_view::npos ? line.size() : at;
}

std::string_view without_trailing_blanks(std::string_view line) {
  const auto at = line.find_last_not_of(" \t\r");
  return line.substr(0, at == std::string_view::npos ? 0 : at + 1);
}

bool is_ascii_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The words between single blanks; "apple2" and "2apple" are two words each, "b12" and "7up" one.
std::vector<std::string> words_of(std::string_view comparable) {
  std::vector<std::string> words;
  while (!comparable.empty()) {
    const std::string_view word = comparable.substr(0, comparable.find(' '));
    comparable.remove_prefix(std::min(comparable.size(), word.size() + 1));
    const bool starts_counted = !word.empty() && is_digit(word.front());
    const auto digit = [](char c) { return is_digit(c); };
    const auto change = starts_counted ? std::find_if_not(word.begin(), word.end(), digit)
                                       : std::find_if(word.begin(), word.end(), digit);
    const auto size = static_cast<std::size_t>(change - word.begin());
    const std::string_view name = starts_counted ? word.substr(size) : word.substr(0, size);
    const std::string_view figure = starts_counted ? word.substr(0, size) : word.substr(size);
    const bool is_glued = name.size() >= glued_letters_min && !figure.empty() &&
                          std::all_of(name.begin(), name.end(), is_ascii_letter) &&
                          std::all_of(figure.begin(), figure.end(), digit);
    words.emplace_back(is_glued ? word.substr(0, size) : word);
    if (is_glued) words.emplace_back(word.substr(size));
  }
  return words;
}

// A figure, a letter, or a word that tells one of the same from another.
bool is_counter(std::string_view word) {
  static const std::unordered_set<std::string_view> counters = {
      "one",   "two",    "three",   "four",  "five",   "six",   "seven", "eight",   "nine",
      "ten",   "first",  "second",  "third", "fourth", "fifth", "sixth", "seventh", "eighth",
      "ninth", "tenth",  "ii",      "iii",   "iv",     "vi",    "vii",   "viii",    "ix",
      "no",    "number", "another", "other", "more",   "again"};
  return word.size() == 1 || std::all_of(word.begin(), word.end(), is_digit) ||
         counters.count(word) != 0;
}

void read_line(std::string_view line, ListAnswer& answer) {
  const std::size_t indentation = leading_blanks(line);
  const std::string_view content = line.substr(indentation);
  const ListMarker marker = read_list_marker(content);
  if (marker.kind == ListMarker::Kind::none) {
    ++answer.other_line_count;
    return;
  }
  const std::string_view text = content.substr(marker.size_bytes);
  answer.items.push_back({indentation, marker, text, bare_item(text)});
}

}  // namespace

ListAnswer read_list_answer(std::string_view text) {
  static const Pattern hidden{R"([\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}\x{34F}](?<![\n\r\t]))"};
  ListAnswer answer;
  if (text.size() > graded_bytes_max ||
      static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) >= graded_lines_max) {
    answer.is_within_bounds = false;
    return answer;
  }
  answer.has_hidden_characters = hidden.search(text) != PatternMatch::no;
  std::size_t blank_run = 0;
  bool has_text_before = false;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = without_trailing_blanks(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty()) {
      ++blank_run;
      continue;
    }
    if (has_text_before) answer.blank_lines_run = std::max(answer.blank_lines_run, blank_run);
    blank_run = 0;
    has_text_before = true;
    read_line(line, answer);
  }
  return answer;
}

bool is_well_formed(const ListAnswer& answer, ListStyle style) {
  if (answer.items.empty() || answer.blank_lines_run > 1) return false;
  const ListLine& first = answer.items.front();
  const bool is_numbered = first.marker.kind == ListMarker::Kind::number;
  if (style == ListStyle::bullet && is_numbered) return false;
  if (style == ListStyle::number && !is_numbered) return false;
  for (std::size_t i = 0; i < answer.items.size(); ++i) {
    const ListLine& line = answer.items[i];
    const std::size_t marker_bytes =
        line.marker.glyph.size() +
        (is_numbered ? std::to_string(line.marker.number).size() : std::size_t{0});
    if (line.marker.kind != first.marker.kind || line.marker.glyph != first.marker.glyph ||
        line.indentation != first.indentation || line.indentation > indentation_max ||
        !line.marker.has_text || line.marker.size_bytes > marker_bytes + blanks_after_marker_max)
      return false;
    if (is_numbered && line.marker.number != i + 1) return false;
    const bool is_nested = read_list_marker(line.text).kind != ListMarker::Kind::none;
    if (is_nested || line.text.starts_with('[')) return false;
  }
  return true;
}

std::vector<std::string_view> joined_pieces(std::string_view item) {
  static const Pattern joint{R"(\A.*?(?:\s*[,;/|]\s*|\s+(?:and|or|&|[-–—])\s+))"};
  static const Pattern piece{R"(\A.*?(?=\s*[,;/|]\s*|\s+(?:and|or|&|[-–—])\s+))"};
  std::vector<std::string_view> pieces;
  for (;;) {
    const std::size_t end = joint.end_of_match(item);
    if (end == std::string_view::npos || end == 0) break;
    pieces.push_back(item.substr(0, piece.end_of_match(item)));
    item.remove_prefix(end);
  }
  pieces.push_back(item);
  return pieces;
}

TextMeasure measure(std::string_view text) {
  TextMeasure result;
  bool is_in_word = false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_start = (byte & 0xC0u) != 0x80u;  // not a UTF-8 continuation byte
    const bool is_letter =
        (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte >= 0xC0;
    const bool is_blank = c == ' ' || c == '\t';
    result.character_count += is_start ? 1u : 0u;
    result.letter_count += is_letter ? 1u : 0u;
    result.word_count += !is_blank && !is_in_word ? 1u : 0u;
    is_in_word = !is_blank;
  }
  return result;
}

std::vector<std::string> uncounted_forms(std::string_view item) {
  const auto words = words_of(comparable_item(item));
  const auto first_word = item.substr(0, item.find(' '));
  const bool is_compound =  // "J-pop" is no pop
      !first_word.empty() && is_ascii_letter(first_word.front()) &&
      first_word.find('-') != std::string_view::npos;
  std::size_t front = 0;
  std::size_t back = 0;
  while (!is_compound && front < counters_max && front + 1 < words.size() &&
         is_counter(words[front]))
    ++front;
  while (back < counters_max && back + 1 < words.size() &&
         is_counter(words[words.size() - 1 - back]))
    ++back;
  std::vector<std::string> forms;
  for (std::size_t gone = 1; gone <= front + back && gone < words.size(); ++gone)
    for (std::size_t first = std::min(gone, front); gone - first <= back; --first) {
      forms.push_back(fmt::format(
          "{}", fmt::join(words.begin() + static_cast<std::ptrdiff_t>(first),
                          words.end() - static_cast<std::ptrdiff_t>(gone - first), " ")));
      if (first == 0) break;
    }
  return forms;
}

bool has_explanation(std::string_view item) {
  static const Pattern joint{R"(\A.+?(?::\s|\s[-–—]+\s|\s?\())"};
  const std::size_t end = joint.end_of_match(item);
  return end != std::string_view::npos &&
         measure(item.substr(end)).word_count >= explanation_words_min;
}

bool has_plain_characters(std::string_view item, bool any_script) {
  // Latin letters are those that comparable_item() knows the base of: of others (ɑ, ᴀ) an item
  // could be written twice.
  static const Pattern latin{
      R"(\A(?:[A-Za-z\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{17F}\x{1A0}\x{1A1}\x{1AF}\x{1B0})"
      R"(\x{1CD}-\x{1DC}\x{218}-\x{21B}\x{1E00}-\x{1EFF}][\x{300}-\x{36F}]{0,2})"
      R"(|[0-9 \x{A0}]|[-'’‘.,&/():!?+#°%"“”–—])+\z)"};
  static const Pattern any{R"(\A(?:\p{L}\p{M}{0,3}|[0-9 \x{A0}]|[-'’‘.,&/():!?+#°%"“”–—·・])+\z)"};
  return (any_script ? any : latin).found_in(item);
}

}  // namespace flywheel
