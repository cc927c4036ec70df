// ListAnswer is an answer read line by line: which lines are items of a list, and what else is
// there.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "runtime/tasks/list_items.hpp"
#include "runtime/tasks/structured_requests.hpp"

namespace flywheel {

struct ListLine {
  std::size_t indentation = 0;  // blanks before the marker
  ListMarker marker{};
  std::string_view text{};  // behind the marker, as it was written; may be empty
  std::string_view bare{};  // without emphasis, quotes and closing punctuation
};

struct ListAnswer {
  std::vector<ListLine> items{};       // the lines with a marker
  std::size_t other_line_count = 0;    // lines with text and no marker
  std::size_t blank_lines_run = 0;     // the most empty lines in a row between lines with text
  bool is_within_bounds = true;        // bytes and lines; beyond them nothing is read
  bool has_hidden_characters = false;  // control, format or private characters, or no UTF-8
};

// Views into `answer`.
ListAnswer read_list_answer(std::string_view answer);

// Every item has the same marker, in the style asked for, on one level, with text behind it.
bool is_well_formed(const ListAnswer& answer, ListStyle style);

// The pieces of a line that stand between commas, slashes, "and" and the like.
std::vector<std::string_view> joined_pieces(std::string_view item);

// Words, letters and characters of an item, for limits on its length.
struct TextMeasure {
  std::size_t word_count = 0;
  std::size_t letter_count = 0;
  std::size_t character_count = 0;
};
TextMeasure measure(std::string_view text);

// The comparable item without the figures, letters and number words that count it in front or
// behind, longest first: "apple" for "Apple 2", "2 apples" and "Another apple". Most are no names
// of anything ("up" of "7 Up"): only who knows the category can tell.
std::vector<std::string> uncounted_forms(std::string_view item);

// An explanation stands behind the item: "Apple: a sweet red fruit", "Apple (grows on trees)".
bool has_explanation(std::string_view item);

// Only Latin letters (letters of any script if `any_script`), digits and the punctuation of names.
bool has_plain_characters(std::string_view item, bool any_script);

}  // namespace flywheel
