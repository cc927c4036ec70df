// UTF-8 helpers of the text library: sequences, code points, white space and letter case.
//
// Source of the property tables: Unicode, by way of utf8proc; is_space() is White_Space of
// PropList. Threads: pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace flywheel::utf8 {

// Bytes of the valid sequence that starts at `at`, 0 where the bytes there are none.
std::size_t size_at(std::string_view text, std::size_t at);

// Bytes of the longest valid prefix of `text` from `at` on.
std::size_t valid_size_from(std::string_view text, std::size_t at);

// The code point of the valid sequence at `at`.
char32_t code_point_at(std::string_view text, std::size_t at);

// The first byte of the code point that ends before `at`; `at` > 0, valid text.
std::size_t start_before(std::string_view text, std::size_t at);

void append(std::string& text, char32_t code_point);
std::vector<char32_t> code_points_of(std::string_view valid_text);
std::size_t count_code_points(std::string_view valid_text);

// Each byte that belongs to no valid sequence becomes U+FFFD.
std::string replace_invalid(std::string_view text);

bool is_space(char32_t code_point);          // Unicode White_Space
bool is_python_space(char32_t code_point);   // what Python's str.isspace() takes
bool is_printable(char32_t code_point);      // what Python's str.isprintable() takes
bool is_word(char32_t code_point);           // \w: letters, marks, decimal digits, connectors
bool is_letter(char32_t code_point);         // general category L
bool is_decimal_digit(char32_t code_point);  // general category Nd
bool is_upper(char32_t code_point);
bool is_lower(char32_t code_point);
char32_t to_upper(char32_t code_point);  // one to one
char32_t to_lower(char32_t code_point);

}  // namespace flywheel::utf8
