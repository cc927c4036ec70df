// Judges structured_requests: each answer is the list that was asked for and nothing else.
//
// A turn passes if all of these are 1 (0 for an answer without items):
//   finished         the answer ended by itself, not at the token limit
//   count_exact      as many items as asked; items joined on one line count one by one
//   format_exact     every item has the same marker (-, *, + or •; or 1. 2. 3., or 1) 2) 3)) as
//   asked,
//                    one blank or up to four behind it, one level, at most one empty line between;
//                    one item a line
//   nothing_else     no line without a marker, no explanation behind an item, no hidden characters
//   items_distinct   no two the same but for case, accents, punctuation, article or plural, nor (of
//                    a topic with words) for what counts them: "Apple 1", "another apple"
//   items_plausible  each of a sensible length, in the asked script, no placeholder, no echo
//   follows_plan     later turns only: the items are the ones that the earlier answer and the
//                    request give
// and the guard, only where the answer shows items and the topic has words:
//   category         the share of the items that are of the asked category
//
// Judgement calls: an empty line between items is a loose list and passes; bold or quoted items,
// closing commas and full stops pass; emoji, links, check boxes, headings and code fences are
// something else and fail; a style once asked for stays asked for in later turns.
#pragma once

#include "runtime/grading/grader.hpp"

namespace flywheel {

const Grader& structured_list_grader();

}  // namespace flywheel
