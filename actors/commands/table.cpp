#include "actors/commands/table.hpp"

#include <algorithm>
#include <cmath>
#include <cwchar>

#include <fmt/format.h>
#include <locale.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace flywheel {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD

// The C library knows widths only under a UTF-8 locale; this thread's is switched for a call.
class Utf8Locale {
 public:
  Utf8Locale() : previous_(uselocale(shared())) {}
  ~Utf8Locale() { uselocale(previous_); }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  static locale_t shared() {
    static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return locale != nullptr ? locale : LC_GLOBAL_LOCALE;
  }
  locale_t previous_;
};

struct Glyph {
  std::string_view bytes;
  std::size_t width = 1;
};

// Splits text into characters that may be printed, each with its width.
std::vector<Glyph> glyphs_of(std::string_view text) {
  const Utf8Locale locale;
  std::vector<Glyph> glyphs;
  while (!text.empty()) {
    wchar_t character = 0;
    std::mbstate_t state{};
    const std::size_t size = std::mbrtowc(&character, text.data(), text.size(), &state);
    const bool is_broken = size == std::size_t(-1) || size == std::size_t(-2);
    const std::size_t taken = is_broken || size == 0 ? 1 : size;
    const int width = is_broken ? -1 : wcwidth(character);
    if (text.front() == '\n')
      glyphs.push_back({text.substr(0, 1), 0});
    else if (width < 0 || size == 0)
      glyphs.push_back({replacement, 1});
    else
      glyphs.push_back({text.substr(0, taken), static_cast<std::size_t>(width)});
    text.remove_prefix(taken);
  }
  return glyphs;
}

std::string padded(const std::string& text, std::size_t width, bool to_the_right) {
  const std::size_t used = display_width(text);
  const std::string space(width > used ? width - used : 0, ' ');
  return to_the_right ? space + text : text + space;
}

std::string repeated(std::string_view piece, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += piece;
  return text;
}

std::vector<std::string> side_lines(std::string_view title, bool passed,
                                    const std::vector<TranscriptMessage>& messages,
                                    std::size_t width) {
  std::vector<std::string> lines =
      wrap_text(fmt::format("{} ({})", title, passed ? "passes" : "fails"), width);
  for (const TranscriptMessage& message : messages) {
    lines.emplace_back();
    for (std::string& line : wrap_text(message.role + ":", width)) lines.push_back(std::move(line));
    for (const std::string& line : wrap_text(message.text, width > 4 ? width - 2 : width))
      lines.push_back("  " + line);
  }
  return lines;
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (const Glyph& glyph : glyphs_of(text)) width += glyph.width;
  return width;
}

std::string printable(std::string_view text) {
  std::string safe;
  for (const Glyph& glyph : glyphs_of(text)) safe += glyph.bytes;
  return safe;
}

std::vector<std::string> wrap_text(std::string_view text, std::size_t width) {
  width = std::max<std::size_t>(width, 2);
  std::vector<std::string> lines;
  std::string line, word;
  std::size_t line_width = 0, word_width = 0;
  const auto end_word = [&] {
    if (line_width > 0 && line_width + word_width > width) {  // the word opens the next line
      while (!line.empty() && line.back() == ' ') line.pop_back();
      lines.push_back(std::move(line));
      line.clear();
      line_width = 0;
    }
    line += word;
    line_width += word_width;
    word.clear();
    word_width = 0;
  };
  for (const Glyph& glyph : glyphs_of(text)) {
    if (glyph.bytes == "\n") {
      end_word();
      lines.push_back(std::move(line));
      line.clear();
      line_width = 0;
      continue;
    }
    if (word_width + glyph.width > width) end_word();  // a word longer than a line is cut
    word += glyph.bytes;
    word_width += glyph.width;
    if (glyph.bytes == " ") {
      const bool overflows = line_width + word_width > width;
      if (overflows && line_width + word_width - 1 <= width) {  // only the space is too much
        word.pop_back();
        --word_width;
      }
      end_word();
    }
  }
  end_word();
  lines.push_back(std::move(line));
  return lines;
}

std::string duration_text(double seconds) {
  if (seconds < 0.9995) return fmt::format("{:.0f} ms", seconds * 1000);
  if (seconds < 59.95) return fmt::format("{:.1f} s", seconds);
  const auto whole = std::llround(seconds);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  if (whole < 360'000) return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
  return fmt::format("{} h", whole / 3600);
}

std::string table_text(const Table& table) {
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    widths.push_back(display_width(table.columns[c].title));
    for (const auto& row : table.rows)
      if (c < row.size()) widths[c] = std::max(widths[c], display_width(row[c]));
  }
  const auto line_of = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (std::size_t c = 0; c < widths.size(); ++c)
      line += (c == 0 ? "  " : "   ") + padded(c < cells.size() ? printable(cells[c]) : "",
                                               widths[c], table.columns[c].is_number);
    while (!line.empty() && line.back() == ' ') line.pop_back();
    return line + "\n";
  };
  std::vector<std::string> titles;
  std::string rule;
  for (std::size_t c = 0; c < widths.size(); ++c) {
    titles.push_back(table.columns[c].title);
    rule += (c == 0 ? "  " : "   ") + repeated("─", widths[c]);
  }
  std::string text = line_of(titles) + rule + "\n";
  for (const auto& row : table.rows) text += line_of(row);
  return text;
}

std::string measured_text(const Measured& measured) {
  if (measured.count == 0) return "not measured";
  return fmt::format("{:.1f} % [{:.1f}, {:.1f}]", measured.value * 100, measured.low * 100,
                     measured.high * 100);
}

std::string before_after_text(const std::vector<BeforeAfter>& rows) {
  Table table{.columns = {{"share, 95 % interval"},
                          {"before", true},
                          {"after", true},
                          {"change", true},
                          {"samples", true}}};
  for (const BeforeAfter& row : rows) {
    const bool is_both = row.before.count > 0 && row.after.count > 0;
    table.rows.push_back(
        {row.name, measured_text(row.before), measured_text(row.after),
         is_both ? fmt::format("{:+.1f}", (row.after.value - row.before.value) * 100) : "",
         std::to_string(std::max(row.before.count, row.after.count))});
  }
  return table_text(table);
}

std::string side_by_side_text(const TranscriptPair& pair, std::size_t columns,
                              std::string_view left_title, std::string_view right_title) {
  std::string text = printable(pair.title) + "\n";
  if (columns < 40) {
    for (const auto& line : side_lines(left_title, pair.before_passed, pair.before, columns))
      text += line + "\n";
    text += '\n';
    for (const auto& line : side_lines(right_title, pair.after_passed, pair.after, columns))
      text += line + "\n";
    return text;
  }
  const std::size_t width = (columns - 5) / 2;  // two spaces before, " │ " between
  const auto left = side_lines(left_title, pair.before_passed, pair.before, width);
  const auto right = side_lines(right_title, pair.after_passed, pair.after, width);
  for (std::size_t i = 0; i < std::max(left.size(), right.size()); ++i) {
    const std::string other = i < right.size() ? right[i] : "";
    text += "  " + padded(i < left.size() ? left[i] : "", width, false) + " │" +
            (other.empty() ? "" : " " + other) + "\n";
  }
  return text;
}

std::size_t terminal_columns() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

}  // namespace flywheel
