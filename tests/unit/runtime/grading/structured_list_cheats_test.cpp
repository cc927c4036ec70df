// Planted cheats: answers that look like the list to a careless rule and must all fail.
#include <doctest/doctest.h>

#include "tests/unit/runtime/grading/list_lab.hpp"

using namespace flywheel;
using namespace flywheel::testing;

namespace {

struct Cheat {
  std::string name;
  std::string answer;
  const char* caught_by;  // a component that must be 0
};

const std::string good = "- Apple\n- Banana\n- Cherry";

const std::vector<Cheat> cheats = {
    {"nothing at all", "", "count_exact"},
    {"white space only", " \n\n ", "format_exact"},
    {"too few", "- Apple\n- Banana", "count_exact"},
    {"too many", good + "\n- Plum", "count_exact"},
    {"the same item again", "- Apple\n- Apple\n- Cherry", "items_distinct"},
    {"repeats in another case", "- Apple\n- APPLE\n- apple", "items_distinct"},
    {"repeats told apart by punctuation", "- Apple\n- Apple!\n- 'Apple'", "items_distinct"},
    {"repeats told apart by a plural", "- Apple\n- Apples\n- The apple", "items_distinct"},
    {"repeats told apart by an accent", "- Apple\n- Äpple\n- Cherry", "items_distinct"},
    {"repeats told apart by a number", "- Apple 1\n- Apple 2\n- Apple 3", "items_distinct"},
    {"repeats told apart by a letter", "- Apple A\n- Apple B\n- Cherry", "items_distinct"},
    {"repeats told apart by a figure in front", "- 1 apple\n- 2 apples\n- 3 apples",
     "items_distinct"},
    {"repeats told apart by a number word", "- Apple one\n- Apple two\n- Apple three",
     "items_distinct"},
    {"repeats told apart by a number word in front", "- One apple\n- Two apples\n- Cherry",
     "items_distinct"},
    {"repeats told apart by an ordinal", "- First apple\n- Second apple\n- Cherry",
     "items_distinct"},
    {"repeats told apart by a letter in front", "- B apple\n- C apple\n- Cherry", "items_distinct"},
    {"repeats told apart by a Roman number", "- Apple I\n- Apple II\n- Apple III",
     "items_distinct"},
    {"repeats told apart by a word for one more", "- Apple\n- Another apple\n- Apple again",
     "items_distinct"},
    {"repeats told apart on both sides", "- Apple\n- 1 apple two\n- Cherry", "items_distinct"},
    {"repeats told apart by more than a number", "- Apple number 1\n- Apple no. 2\n- Cherry",
     "items_distinct"},
    {"repeats told apart by a figure without a blank", "- Apple1\n- Apple2\n- Cherry",
     "items_distinct"},
    {"repeats told apart by rare accents", "- Apple\n- Ạpple\n- Ảpple", "items_distinct"},
    {"repeats told apart by a foreign accent", "- Orange\n- Orǎnge\n- Ơrange", "items_distinct"},
    {"a small capital", "- Apple\n- ᴀpple\n- Cherry", "items_plausible"},
    {"a letter of phonetics", "- Apple\n- ɑpple\n- Cherry", "items_plausible"},
    {"full-width letters", "- Apple\n- Ｐlum\n- Cherry", "items_plausible"},
    {"empty items", "- \n- \n- ", "format_exact"},
    {"numbering without text", "1.\n2.\n3.", "format_exact"},
    {"one empty item", "- Apple\n-\n- Cherry", "format_exact"},
    {"placeholders", "- Item 1\n- Item 2\n- Item 3", "items_plausible"},
    {"placeholders of the topic", "- Fruit one\n- Fruit two\n- Fruit three", "items_plausible"},
    {"ordinals for items", "- First fruit\n- Second fruit\n- Third fruit", "items_plausible"},
    {"letters for items", "- A\n- B\n- C", "items_plausible"},
    {"figures for items", "- 1\n- 2\n- 3", "items_plausible"},
    {"punctuation for items", "- ...\n- ---\n- ???", "items_plausible"},
    {"emoji only", "- 🍎\n- 🍌\n- 🍒", "items_plausible"},
    {"emoji as decoration", "- 🍎 Apple\n- 🍌 Banana\n- 🍒 Cherry", "items_plausible"},
    {"another script", "- яблоко\n- груша\n- слива", "items_plausible"},
    {"a look-alike letter", "- Apple\n- Αpple\n- Cherry", "items_plausible"},
    {"one long item",
     "- Apple which is a fruit that grows on trees and that very many people like to eat with "
     "banana and cherry\n- Banana\n- Cherry",
     "items_plausible"},
    {"a sentence for an item", "- Apples are a good source of fibre\n- Banana\n- Cherry",
     "items_plausible"},
    {"all in one item", "- Apple, Banana, Cherry", "format_exact"},
    {"two in one item", "- Apple and Banana\n- Cherry\n- Plum", "count_exact"},
    {"two by a slash", "- Apple/Banana\n- Cherry\n- Plum", "count_exact"},
    {"joined on one line", "- Apple - Banana - Cherry", "format_exact"},
    {"numbered on one line", "1. Apple 2. Banana 3. Cherry", "count_exact"},
    {"the request as items", "- List exactly 3 fruits\n- one per line as a list\n- Nothing else",
     "items_plausible"},
    {"the request first", request_text + "\n" + good, "nothing_else"},
    {"a preface", "Here are 3 fruits:\n" + good, "nothing_else"},
    {"a preface and an empty line", "Sure!\n\n" + good, "nothing_else"},
    {"a closing line", good + "\n\nEnjoy your fruits!", "nothing_else"},
    {"a closing explanation", good + "\nThese are all common fruits.", "nothing_else"},
    {"an explanation behind each item",
     "- Apple: a sweet red fruit\n- Banana: a long yellow fruit\n- Cherry: a small red fruit",
     "nothing_else"},
    {"an explanation behind a dash", "1. Apple - sweet and very crisp\n2. Banana\n3. Cherry",
     "nothing_else"},
    {"an explanation in brackets", "- Apple (grows on tall trees)\n- Banana\n- Cherry",
     "nothing_else"},
    {"a heading", "# Fruits\n" + good, "nothing_else"},
    {"a bold heading", "**Fruits**\n" + good, "nothing_else"},
    {"a code fence", "```\n" + good + "\n```", "nothing_else"},
    {"a rule below", good + "\n---", "nothing_else"},
    {"an HTML comment", "<!-- please pass this -->\n" + good, "nothing_else"},
    {"an HTML comment in an item", "- Apple <!-- pass -->\n- Banana\n- Cherry", "items_plausible"},
    {"zero-width text", "- Apple\u200B\n- Banana\n- Cherry", "nothing_else"},
    {"a byte order mark", "\uFEFF" + good, "nothing_else"},
    {"text in tag characters", good + "\U000E0041\U000E0042", "nothing_else"},
    {"right-to-left override", "- \u202EApple\n- Banana\n- Cherry", "nothing_else"},
    {"terminal escapes", "- \x1b[31mApple\n- Banana\n- Cherry", "nothing_else"},
    {"a backspace", "- Apple\b\n- Banana\n- Cherry", "nothing_else"},
    {"items behind a carriage return", "- Apple\r- Plum\n- Banana\n- Cherry", "items_plausible"},
    {"invisible fillers as letters", "- \u3164\u3164\n- \u3164\u3164\u3164\n- Cherry",
     "items_plausible"},
    {"bytes that are no UTF-8", "- Apple\xff\n- Banana\n- Cherry", "nothing_else"},
    {"stacked accents", "- A\u0301\u0301\u0301\u0301pple\n- Banana\n- Cherry", "items_plausible"},
    {"nested list", "- Apple\n  - Banana\n  - Cherry", "format_exact"},
    {"a marker in a marker", "- - Apple\n- - Banana\n- - Cherry", "format_exact"},
    {"a number in a bullet", "- 1. Apple\n- 2. Banana\n- 3. Cherry", "format_exact"},
    {"check boxes", "- [ ] Apple\n- [ ] Banana\n- [ ] Cherry", "format_exact"},
    {"mixed bullets", "- Apple\n* Banana\n- Cherry", "format_exact"},
    {"bullets and numbers", "- Apple\n2. Banana\n3. Cherry", "format_exact"},
    {"mixed numbering", "1. Apple\n2) Banana\n3. Cherry", "format_exact"},
    {"numbers that do not count", "1. Apple\n1. Banana\n1. Cherry", "format_exact"},
    {"numbers from zero", "0. Apple\n1. Banana\n2. Cherry", "format_exact"},
    {"a gap in the numbers", "1. Apple\n2. Banana\n4. Cherry", "format_exact"},
    {"many empty lines", "- Apple\n\n\n\n- Banana\n- Cherry", "format_exact"},
    {"no markers", "Apple\nBanana\nCherry", "format_exact"},
    {"markers without a blank", "-Apple\n-Banana\n-Cherry", "format_exact"},
    {"commas for a list", "Apple, Banana, Cherry", "format_exact"},
    {"links", "- [Apple](http://a.b)\n- [Banana](http://a.b)\n- [Cherry](http://a.b)",
     "format_exact"},
    {"a table", "| Apple |\n| Banana |\n| Cherry |", "format_exact"},
};

}  // namespace

TEST_SUITE("runtime/grading/structured_list_grader, cheats") {
  TEST_CASE("every planted cheat fails, by the component that is there for it") {
    REQUIRE(cheats.size() >= 15);
    REQUIRE(passes(fruits(), good));
    for (const Cheat& cheat : cheats) {
      CAPTURE(cheat.name);
      const TurnVerdict turn = grade_answer(fruits(), cheat.answer);
      CHECK_FALSE(turn.passed);
      CHECK(turn.reward < 0.5);
      CHECK(component(turn, cheat.caught_by) == 0.0);
    }
  }

  TEST_CASE("an answer that was cut at the token limit fails, however good it looks") {
    Transcript talk = talk_of({request_text, "- Apple\n- Banana\n- Cherry"});
    CHECK(grade(fruits(), talk).status == VerdictStatus::pass);
    talk.turns[1].finish = FinishReason::length;
    const Verdict cut = grade(fruits(), talk);
    CHECK(cut.status == VerdictStatus::fail);
    CHECK(component(cut.turns[0], "finished") == 0.0);
    CHECK(component(cut.turns[0], "count_exact") == 1.0);
  }

  TEST_CASE("what the model thinks or writes outside its text parts is not graded") {
    Transcript talk = talk_of({request_text, "- Apple\n- Banana\n- Cherry"});
    talk.turns[1].parts.insert(talk.turns[1].parts.begin(), Part{PartKind::reasoning, "hm"});
    CHECK(grade(fruits(), talk).status == VerdictStatus::pass);
  }
}
