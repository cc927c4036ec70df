#include "runtime/grading/list_answer.hpp"

#include <algorithm>

#include "runtime/grading/grader.hpp"
#include "runtime/grading/pattern.hpp"

namespace flywheel {
namespace {

constexpr std::size_t indentation_max = 3;  // CommonMark: four blanks make a code block
constexpr std::size_t blanks_after_marker_max = 4;
constexpr std::size_t explanation_words_min = 3;

std::size_t leading_blanks(std::string_view line) {
  const auto at = line.find_first_not_of(" \t");
  return at == std::string_view::npos ? line.size() : at;
}

std::string_view without_trailing_blanks(std::string_view line) {
  const auto at = line.find_last_not_of(" \t\r");
  return line.substr(0, at == std::string_view::npos ? 0 : at + 1);
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

bool has_explanation(std::string_view item) {
  static const Pattern joint{R"(\A.+?(?::\s|\s[-–—]+\s|\s?\())"};
  const std::size_t end = joint.end_of_match(item);
  return end != std::string_view::npos &&
         measure(item.substr(end)).word_count >= explanation_words_min;
}

bool has_plain_characters(std::string_view item, bool any_script) {
  static const Pattern latin{
      R"(\A(?:\p{Latin}[\x{300}-\x{36F}]{0,2}|[0-9 \x{A0}]|[-'’‘.,&/():!?+#°%"“”–—])+\z)"};
  static const Pattern any{R"(\A(?:\p{L}\p{M}{0,3}|[0-9 \x{A0}]|[-'’‘.,&/():!?+#°%"“”–—·・])+\z)"};
  return (any_script ? any : latin).found_in(item);
}

}  // namespace flywheel
