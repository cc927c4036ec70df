// Measures and wraps text as a terminal shows it, the hostile kind too.
#include "actors/commands/table.hpp"

#include <doctest/doctest.h>

#include "runtime/base/random.hpp"

namespace flywheel {

TEST_SUITE("actors/commands/table") {
  TEST_CASE("width is in columns: wide characters take two, combining ones none") {
    CHECK(display_width("abc") == 3);
    CHECK(display_width("日本") == 4);
    CHECK(display_width("e\u0301") == 1);
    CHECK(display_width("🙂") == 2);
    CHECK(display_width("") == 0);
  }

  TEST_CASE("control characters and broken bytes can't steer the terminal") {
    CHECK(printable("a\x1b[2Jb\r") == "a\uFFFD[2Jb\uFFFD");
    CHECK(printable(std::string_view{"a\0b", 3}) == "a\uFFFDb");
    CHECK(printable("\xff\xc3") == "\uFFFD\uFFFD");
    CHECK(printable("two\nlines") == "two\nlines");
  }

  TEST_CASE("text wraps at spaces and inside words that are too long") {
    CHECK(wrap_text("one two three", 7) == std::vector<std::string>{"one two", "three"});
    CHECK(wrap_text("abcdefgh", 3) == std::vector<std::string>{"abc", "def", "gh"});
    CHECK(wrap_text("a\n\nb", 5) == std::vector<std::string>{"a", "", "b"});
    CHECK(wrap_text("日本語", 4) == std::vector<std::string>{"日本", "語"});
    CHECK(wrap_text("", 4) == std::vector<std::string>{""});
  }

  TEST_CASE("property: no line is too wide and nothing but spaces at breaks is lost") {
    const char* const pieces[] = {"a",    " ",       "  ",          "word", "日",
                                  "🙂", "e\u0301", "longer-word", "\n"};
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
      CAPTURE(seed);
      Random random{RandomKey{seed}};
      std::string text;
      for (std::uint64_t i = random.below(40); i > 0; --i) text += pieces[random.below(9)];
      const std::size_t width = 2 + random.below(20);

      std::string joined;
      for (const std::string& line : wrap_text(text, width)) {
        CHECK(display_width(line) <= width);
        joined += line;
      }

      std::erase_if(text, [](char c) { return c == ' ' || c == '\n'; });
      std::erase(joined, ' ');
      CHECK(joined == text);
    }
  }

  TEST_CASE("durations are read at a glance") {
    CHECK(duration_text(0.34) == "340 ms");
    CHECK(duration_text(0.9999) == "1.0 s");
    CHECK(duration_text(12.34) == "12.3 s");
    CHECK(duration_text(59.97) == "1 min 00 s");
    CHECK(duration_text(245) == "4 min 05 s");
    CHECK(duration_text(12000) == "3 h 20 min");
  }

  TEST_CASE("columns align whatever their characters") {
    const Table table{.columns = {{"name"}, {"value", true}}, .rows = {{"日本", "1"}, {"x", "23"}}};

    CHECK(table_text(table) ==
          "  name   value\n"
          "  ────   ─────\n"
          "  日本       1\n"
          "  x         23\n");
  }

  TEST_CASE("before and after show intervals and the change") {
    const auto text = before_after_text(
        {{"held-out, first turn", {0.0625, 0.04, 0.091, 400}, {0.955, 0.93, 0.972, 400}},
         {"hand-written", {}, {0.5, 0.3, 0.7, 60}}});

    CHECK(text.find("6.2 % [4.0, 9.1]   95.5 % [93.0, 97.2]    +89.2       400") !=
          std::string::npos);
    CHECK(text.find("not measured") != std::string::npos);
  }

  TEST_CASE("two transcripts stand beside each other within the terminal's width") {
    const TranscriptPair pair{
        .title = "task 7",
        .before = {{"user", "List exactly 3 fruits."},
                   {"assistant", "Sure! Here are some 日本 fruits"}},
        .after = {{"user", "List exactly 3 fruits."}, {"assistant", "- apple\n- pear\n- plum"}},
        .after_passed = true};

    for (const std::size_t columns : {30U, 40U, 61U, 100U}) {
      const auto text = side_by_side_text(pair, columns);
      for (const std::string& line : wrap_text(text, 1000)) CHECK(display_width(line) <= columns);
      CHECK(text.find("- plum") != std::string::npos);
      CHECK(text.find("(fails)") != std::string::npos);
      CHECK(text.find("(passes)") != std::string::npos);
    }
  }
}

}  // namespace flywheel
