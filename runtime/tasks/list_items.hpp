// The items of an answer as a reader would pick them out, whether or not the answer keeps to any
// format: what a user's next message is about, and what a grader compares a later answer with.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace flywheel {

// A line's list marker: "- ", "* ", "+ ", "• ", "1. " or "1) ".
struct ListMarker {
  enum class Kind { none, bullet, number };

  Kind kind = Kind::none;
  std::string_view glyph{};    // "-", "*", "+", "•", "." or ")"
  std::size_t size_bytes = 0;  // marker and the blanks behind it
  std::size_t number = 0;      // for numbers below 10000
  bool has_text = false;       // something but blanks stands behind it
};

// `line` without its indentation.
ListMarker read_list_marker(std::string_view line);

// The texts behind the markers of the first `count_max` marked lines; without any marked line, what
// stands between the commas of a short one-line answer, or the lines of a short answer of several.
// Never more than `count_max` items; emphasis marks and closing punctuation are taken off.
std::vector<std::string> items_seen(std::string_view answer, std::size_t count_max = 50);

// An item as it is compared: lower case, Latin letters without accents, no punctuation, no leading
// article, single blanks, each word without its plural s.
std::string comparable_item(std::string_view item);

// Takes emphasis (**, *, _, `), quotes and closing ".,;" off an item.
std::string_view bare_item(std::string_view item);

}  // namespace flywheel
