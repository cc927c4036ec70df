// Tables and transcripts for a terminal: aligned and wrapped by display width, so that wide and
// combining characters keep columns straight. What a model wrote can't steer the terminal: control
// characters and broken UTF-8 come out as replacement characters.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace flywheel {

// Columns that the text takes in a terminal; control characters count one, as they are shown.
std::size_t display_width(std::string_view text);

// The same text, safe to print: valid UTF-8, no control characters but line feeds.
std::string printable(std::string_view text);

// Lines of at most `width` columns, broken at spaces, inside a word only where it is too long; line
// feeds stay breaks. At least one line; width at least 2.
std::vector<std::string> wrap_text(std::string_view text, std::size_t width);

std::string duration_text(double seconds);  // "340 ms", "12.3 s", "4 min 05 s", "3 h 20 min"

struct TableColumn {
  std::string title{};
  bool is_number = false;  // aligned right
};

struct Table {
  std::vector<TableColumn> columns{};
  std::vector<std::vector<std::string>> rows{};  // a short row ends in empty cells
};
std::string table_text(const Table& table);

// A share with its 95 % interval.
struct Measured {
  double value = 0.0;
  double low = 0.0;
  double high = 0.0;
  std::uint64_t count = 0;  // samples; 0 = not measured
};

struct BeforeAfter {
  std::string name{};  // for example "held-out, first turn"
  Measured before{};
  Measured after{};
};
std::string measured_text(const Measured& measured);  // "6.2 % [4.0, 9.1]"
std::string before_after_text(const std::vector<BeforeAfter>& rows);

// One conversation under two policies.
struct TranscriptMessage {
  std::string role{};
  std::string text{};
  std::string picture{};  // a data URL of an image; shown by reports only
};
struct TranscriptPair {
  std::string title{};
  std::vector<TranscriptMessage> before{};
  std::vector<TranscriptMessage> after{};
  bool before_passed = false;
  bool after_passed = false;
};

// Both sides beside each other in `columns` columns; below each other where they are under 40.
std::string side_by_side_text(const TranscriptPair& pair, std::size_t columns,
                              std::string_view left_title = "before",
                              std::string_view right_title = "after");

// Columns of the terminal on standard output, 80 where there is none.
std::size_t terminal_columns();

}  // namespace flywheel
