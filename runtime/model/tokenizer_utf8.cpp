#include "runtime/model/tokenizer_utf8.hpp"

#include <cstdint>
#include <cstring>

#include <utf8proc.h>

namespace flywheel::utf8 {
namespace {

unsigned char byte_at(std::string_view text, std::size_t at) {
  return static_cast<unsigned char>(text[at]);
}

bool is_continuation(std::string_view text, std::size_t at) {
  return at < text.size() && (byte_at(text, at) & 0xc0) == 0x80;
}

utf8proc_category_t category_of(char32_t code_point) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
}

}  // namespace

// Table 3-7 of the Unicode standard: no overlong forms, no surrogates, nothing above U+10FFFF.
std::size_t size_at(std::string_view text, std::size_t at) {
  const unsigned char first = byte_at(text, at);
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4 || !is_continuation(text, at + 1)) return 0;
  if (first < 0xe0) return 2;
  const unsigned char second = byte_at(text, at + 1);
  if (first < 0xf0) {
    if (!is_continuation(text, at + 2)) return 0;
    if (first == 0xe0 && second < 0xa0) return 0;
    if (first == 0xed && second > 0x9f) return 0;
    return 3;
  }
  if (!is_continuation(text, at + 2) || !is_continuation(text, at + 3)) return 0;
  if (first == 0xf0 && second < 0x90) return 0;
  if (first == 0xf4 && second > 0x8f) return 0;
  return 4;
}

std::size_t valid_size_from(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size()) {
    std::uint64_t eight = 0;
    if (end + sizeof eight <= text.size()) {
      std::memcpy(&eight, text.data() + end, sizeof eight);
      if ((eight & 0x8080808080808080ULL) == 0) {
        end += sizeof eight;
        continue;
      }
    }
    const std::size_t size = size_at(text, end);
    if (size == 0) break;
    end += size;
  }
  return end - at;
}

char32_t code_point_at(std::string_view text, std::size_t at) {
  const char32_t first = byte_at(text, at);
  const auto low = [&](std::size_t offset) {
    return static_cast<char32_t>(byte_at(text, at + offset) & 0x3f);
  };
  if (first < 0x80) return first;
  if (first < 0xe0) return (first & 0x1f) << 6 | low(1);
  if (first < 0xf0) return (first & 0x0f) << 12 | low(1) << 6 | low(2);
  return (first & 0x07) << 18 | low(1) << 12 | low(2) << 6 | low(3);
}

std::size_t start_before(std::string_view text, std::size_t at) {
  do {
    --at;
  } while (at > 0 && is_continuation(text, at));
  return at;
}

void append(std::string& text, char32_t code_point) {
  const auto put = [&](char32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xc0 | code_point >> 6);
    put(0x80 | (code_point & 0x3f));
  } else if (code_point < 0x10000) {
    put(0xe0 | code_point >> 12);
    put(0x80 | (code_point >> 6 & 0x3f));
    put(0x80 | (code_point & 0x3f));
  } else {
    put(0xf0 | code_point >> 18);
    put(0x80 | (code_point >> 12 & 0x3f));
    put(0x80 | (code_point >> 6 & 0x3f));
    put(0x80 | (code_point & 0x3f));
  }
}

std::vector<char32_t> code_points_of(std::string_view valid_text) {
  std::vector<char32_t> code_points;
  code_points.reserve(valid_text.size());
  for (std::size_t at = 0; at < valid_text.size(); at += size_at(valid_text, at))
    code_points.push_back(code_point_at(valid_text, at));
  return code_points;
}

std::size_t count_code_points(std::string_view valid_text) {
  std::size_t count = 0;
  for (const char c : valid_text) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return count;
}

std::string replace_invalid(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = valid_size_from(text, at);
    valid.append(text.substr(at, size));
    at += size;
    if (at == text.size()) break;
    valid += "\xef\xbf\xbd";
    ++at;
  }
  return valid;
}

bool is_space(char32_t code_point) {
  if (code_point < 0x80) return code_point == 0x20 || (code_point >= 0x09 && code_point <= 0x0d);
  return code_point == 0x85 || code_point == 0xa0 || code_point == 0x1680 ||
         (code_point >= 0x2000 && code_point <= 0x200a) || code_point == 0x2028 ||
         code_point == 0x2029 || code_point == 0x202f || code_point == 0x205f ||
         code_point == 0x3000;
}

bool is_python_space(char32_t code_point) {
  return is_space(code_point) || (code_point >= 0x1c && code_point <= 0x1f);
}

bool is_printable(char32_t code_point) {
  if (code_point == 0x20) return true;
  switch (category_of(code_point)) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS:
      return false;
    default:
      return true;
  }
}

bool is_word(char32_t code_point) {
  switch (category_of(code_point)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
      return true;
    default:  // joiners, and the circled and squared letters that are Other_Alphabetic
      return code_point == 0x200c || code_point == 0x200d ||
             (code_point >= 0x24b6 && code_point <= 0x24e9) ||
             (code_point >= 0x1f130 && code_point <= 0x1f149) ||
             (code_point >= 0x1f150 && code_point <= 0x1f169) ||
             (code_point >= 0x1f170 && code_point <= 0x1f189);
  }
}

bool is_letter(char32_t code_point) {
  const auto category = category_of(code_point);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}
bool is_decimal_digit(char32_t code_point) {
  return category_of(code_point) == UTF8PROC_CATEGORY_ND;
}
bool is_upper(char32_t code_point) {
  return utf8proc_isupper(static_cast<utf8proc_int32_t>(code_point)) != 0;
}
bool is_lower(char32_t code_point) {
  return utf8proc_islower(static_cast<utf8proc_int32_t>(code_point)) != 0;
}
char32_t to_upper(char32_t code_point) {
  return static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(code_point)));
}
char32_t to_lower(char32_t code_point) {
  return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code_point)));
}

}  // namespace flywheel::utf8
