#include "runtime/tasks/list_items.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace flywheel {
namespace {

constexpr std::size_t plain_item_bytes_max = 60;  // of an item that no marker announces
constexpr std::size_t plain_answer_bytes_max = 400;

// Latin letters from `first` on without their accents, lower case: those that languages are written
// with, so that has_plain_characters() of the grader lets them pass.
struct LatinLetters {
  char32_t first;
  std::string_view bases;
};
constexpr std::array latin_letters = {
    LatinLetters{0xC0,
                 "aaaaaaaceeeeiiiidnooooo ouuuuytsaaaaaaaceeeeiiiidnooooo ouuuuyty"
                 "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkkllllllllllnnnnnnnnn"
                 "oooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs"},
    LatinLetters{0x1A0, "oo"},                // Vietnamese
    LatinLetters{0x1AF, "uu"},                // Vietnamese
    LatinLetters{0x1CD, "aaiioouuuuuuuuuu"},  // Pinyin
    LatinLetters{0x218, "sstt"},              // Romanian
    LatinLetters{0x1E00,
                 "aabbbbbbccddddddddddeeeeeeeeeeffgghhhhhhhhhhiiiikkkkkkllllllllmm"
                 "mmmmnnnnnnnnoooooooopppprrrrrrrrssssssssssttttttttuuuuuuuuuuvvvv"
                 "wwwwwwwwwwxxxxyyzzzzzzhtwyassssdaaaaaaaaaaaaaaaaaaaaaaaaeeeeeeee"
                 "eeeeeeeeiiiioooooooooooooooooooooooouuuuuuuuuuuuuuyyyyyyyyllvvyy"}};
static_assert(latin_letters.front().bases.size() == 0x180 - 0xC0);
static_assert(latin_letters.back().bases.size() == 0x1F00 - 0x1E00);

// The letter without its accents, lower case; 0 where it is none of `latin_letters`.
char latin_base(char32_t c) {
  for (const LatinLetters& letters : latin_letters)
    if (c >= letters.first && c < letters.first + letters.bases.size())
      return letters.bases[c - letters.first];
  return 0;
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto at = text.find(separator);
    parts.push_back(trim(text.substr(0, at)));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

// The next code point of `text` from `at`, which moves on; a byte that is not UTF-8 is returned as
// it is.
char32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  const std::size_t size = first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (size == 1 || at + size > text.size()) {
    ++at;
    return first;
  }
  char32_t point = first & (0xFFu >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) point = point << 6 | (byte(at + i) & 0x3Fu);
  at += size;
  return point;
}

bool is_invisible(char32_t c) {
  return c == 0xAD || (c >= 0x300 && c <= 0x36F) || (c >= 0x200B && c <= 0x200F) || c == 0x2060 ||
         c == 0xFEFF;
}

// The "+" and "#" of "C++" and "C#": behind a word of one letter they tell names apart.
bool is_part_of_name(char32_t c, std::string_view folded) {
  if (c != '+' && c != '#') return false;
  while (!folded.empty() && folded.back() == '+') folded.remove_suffix(1);
  return !folded.empty() && folded.back() != ' ' &&
         (folded.size() == 1 || folded[folded.size() - 2] == ' ');
}

// Letters and digits as themselves, apostrophes and invisible marks as nothing, the rest as a
// blank.
std::string fold(std::string_view text) {
  std::string folded;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    char32_t c = next_code_point(text, at);
    if (c >= 0xFF01 && c <= 0xFF5E) c -= 0xFEE0;  // full-width forms of ASCII
    if (is_invisible(c) || c == '\'' || c == 0x2019 || c == 0x2018) continue;
    if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || is_part_of_name(c, folded)) {
      folded += static_cast<char>(c);
    } else if (c == '&') {
      folded += " and ";
    } else if (const char base = latin_base(c); base != 0) {
      folded += base;
    } else if (c < 0xC0 || (c >= 0x2000 && c <= 0x206F)) {
      folded += ' ';
    } else {
      folded += text.substr(start, at - start);
    }
  }
  return folded;
}

bool ends_with(std::string_view word, std::initializer_list<std::string_view> ends) {
  return std::any_of(ends.begin(), ends.end(),
                     [&](std::string_view end) { return word.ends_with(end); });
}

std::string singular(std::string_view word) {
  if (word.size() < 4 || !word.ends_with('s') || ends_with(word, {"ss", "us", "is"}))
    return std::string{word};
  if (word.size() > 4 && word.ends_with("ies"))
    return std::string{word.substr(0, word.size() - 3)} + "y";
  if (word.size() > 5 && ends_with(word, {"oes", "xes", "ches", "shes", "sses"}))
    return std::string{word.substr(0, word.size() - 2)};
  return std::string{word.substr(0, word.size() - 1)};
}

std::vector<std::string> plain_items(std::string_view answer, std::size_t count_max) {
  if (answer.size() > plain_answer_bytes_max) return {};
  auto pieces = split(answer, '\n');
  std::erase_if(pieces, [](std::string_view piece) { return piece.empty(); });
  if (pieces.size() == 1) pieces = split(pieces[0], ',');
  std::vector<std::string> items;
  for (std::string_view piece : pieces) {
    if (piece.starts_with("and ")) piece.remove_prefix(4);
    piece = bare_item(piece);
    if (piece.size() > plain_item_bytes_max) return {};
    if (!comparable_item(piece).empty() && items.size() < count_max) items.emplace_back(piece);
  }
  return items.size() < 2 ? std::vector<std::string>{} : items;
}

}  // namespace

ListMarker read_list_marker(std::string_view line) {
  ListMarker marker;
  std::size_t size = 0;
  for (const std::string_view glyph : {"-", "*", "+", "•"}) {
    if (!line.starts_with(glyph)) continue;
    marker.glyph = line.substr(0, glyph.size());
    marker.kind = ListMarker::Kind::bullet;
    size = glyph.size();
  }
  if (size == 0) {
    while (size < line.size() && size < 4 && is_digit(line[size]))
      marker.number = marker.number * 10 + static_cast<std::size_t>(line[size++] - '0');
    if (size == 0 || size == line.size() || (line[size] != '.' && line[size] != ')')) return {};
    marker.glyph = line.substr(size++, 1);
    marker.kind = ListMarker::Kind::number;
  }
  if (size < line.size() && !is_blank(line[size])) return {};
  while (size < line.size() && is_blank(line[size])) ++size;
  marker.size_bytes = size;
  marker.has_text = size < line.size();
  return marker;
}

std::vector<std::string> items_seen(std::string_view answer, std::size_t count_max) {
  std::vector<std::string> items;
  for (const std::string_view line : split(answer, '\n')) {
    const ListMarker marker = read_list_marker(line);
    if (marker.kind == ListMarker::Kind::none || !marker.has_text) continue;
    const std::string_view item = bare_item(line.substr(marker.size_bytes));
    if (!item.empty() && items.size() < count_max) items.emplace_back(item);
  }
  return items.empty() ? plain_items(trim(answer), count_max) : items;
}

std::string comparable_item(std::string_view item) {
  const std::string folded = fold(item);
  std::string comparable;
  bool is_first = true;
  for (const std::string_view word : split(folded, ' ')) {
    if (word.empty()) continue;
    if (is_first && (word == "a" || word == "an" || word == "the") && folded.size() > 4) {
      is_first = false;
      continue;
    }
    is_first = false;
    if (!comparable.empty()) comparable += ' ';
    comparable += singular(word);
  }
  return comparable;
}

std::string_view bare_item(std::string_view item) {
  constexpr std::array<std::string_view, 5> pairs = {"**", "*", "_", "`", "\""};
  for (bool changed = true; changed;) {
    changed = false;
    item = trim(item);
    while (!item.empty() && std::string_view{".,;"}.find(item.back()) != std::string_view::npos) {
      item.remove_suffix(1);
      changed = true;
    }
    for (const std::string_view mark : pairs) {
      if (item.size() > 2 * mark.size() && item.starts_with(mark) && item.ends_with(mark)) {
        item = item.substr(mark.size(), item.size() - 2 * mark.size());
        changed = true;
      }
    }
    if (item.starts_with("“") && item.ends_with("”") && item.size() > 6) {
      item = item.substr(3, item.size() - 6);
      changed = true;
    }
  }
  return item;
}

}  // namespace flywheel
