#include "runtime/model/jinja_lexer.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "runtime/model/jinja_value.hpp"
#include "runtime/model/tokenizer_utf8.hpp"

namespace flywheel::jinja {
namespace {

bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Line ends become "\n", and one at the end of the source is dropped.
std::string with_plain_newlines(std::string_view source) {
  std::string plain;
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      plain += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      plain += source[i];
    }
  }
  if (plain.ends_with('\n')) plain.pop_back();
  return plain;
}

std::string without_space_at_end(std::string_view text) {
  std::size_t end = text.size();
  while (end > 0) {
    const std::size_t start = utf8::start_before(text, end);
    if (!utf8::is_python_space(utf8::code_point_at(text, start))) break;
    end = start;
  }
  return std::string{text.substr(0, end)};
}

class Lexer {
 public:
  explicit Lexer(std::string source) : source_(std::move(source)) {}

  std::vector<LexerToken> run() {
    while (at_ < source_.size()) data_and_tag();
    push(TokenKind::end, "");
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const { throw Problem{what, line_}; }
  bool starts(std::string_view text) const {
    return std::string_view{source_}.substr(at_).starts_with(text);
  }
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0';
  }
  void push(TokenKind kind, std::string text) { tokens_.push_back({kind, std::move(text), line_}); }

  void advance(std::size_t size) {
    const auto first = source_.begin() + static_cast<std::ptrdiff_t>(at_);
    line_ += static_cast<int>(std::count(first, first + static_cast<std::ptrdiff_t>(size), '\n'));
    at_ += size;
  }

  void skip_space() {
    while (at_ < source_.size()) {
      if (!utf8::is_python_space(utf8::code_point_at(source_, at_))) return;
      advance(utf8::size_at(source_, at_));
    }
  }

  std::size_t next_tag() const {
    for (std::size_t i = at_; i + 1 < source_.size(); ++i)
      if (source_[i] == '{' &&
          (source_[i + 1] == '{' || source_[i + 1] == '%' || source_[i + 1] == '#'))
        return i;
    return source_.size();
  }

  // `sign` is what follows the tag's opening; text of white space alone before a block on its line
  // is dropped unless a plus says otherwise.
  std::string trimmed_before(std::string_view text, char sign, bool is_variable) const {
    if (sign == '-') return without_space_at_end(text);
    if (sign == '+' || is_variable) return std::string{text};
    const std::size_t newline = text.rfind('\n');
    const std::size_t line_start = newline == text.npos ? 0 : newline + 1;
    if (line_start == 0 && !at_line_start_) return std::string{text};
    const bool is_blank = without_space_at_end(text.substr(line_start)).empty();
    return std::string{is_blank ? text.substr(0, line_start) : text};
  }

  void data_and_tag() {
    const std::size_t tag = next_tag();
    const std::string_view text = std::string_view{source_}.substr(at_, tag - at_);
    if (tag == source_.size()) {
      push(TokenKind::data, std::string{text});
      at_ = tag;
      return;
    }
    const char kind = source_[tag + 1];
    const char after = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
    const char sign = after == '-' || after == '+' ? after : '\0';
    std::string data = trimmed_before(text, sign, kind == '{');
    if (!data.empty()) push(TokenKind::data, std::move(data));
    advance(tag - at_ + 2 + (sign != '\0' ? 1 : 0));
    if (kind == '#') return comment();
    if (kind == '%' && raw()) return;
    push(kind == '{' ? TokenKind::variable_begin : TokenKind::block_begin, "");
    inside_tag(kind == '{');
  }

  // Bytes of the closing tag at at_ with what it swallows after it; 0 if there is none.
  bool close(char kind, bool is_variable) {
    const char bracket[] = {kind, '}', '\0'};
    const bool minus = peek() == '-' && source_.compare(at_ + 1, 2, bracket) == 0;
    const bool plus = !is_variable && peek() == '+' && source_.compare(at_ + 1, 2, bracket) == 0;
    if (!minus && !plus && !starts(bracket)) return false;
    advance(minus || plus ? 3 : 2);
    const std::size_t before = at_;
    if (minus) {
      skip_space();
    } else if (!plus && !is_variable && peek() == '\n') {
      advance(1);
    }
    at_line_start_ = at_ > before && source_[at_ - 1] == '\n';
    return true;
  }

  void comment() {
    const int line = line_;
    while (!close('#', false)) {
      if (at_ >= source_.size()) throw Problem{"a comment without end", line};
      advance(1);
    }
  }

  // {% raw %} up to {% endraw %} is data; false, with nothing read, where this is no raw block.
  bool raw() {
    const std::size_t start = at_;
    const int line = line_;
    skip_space();
    if (!starts("raw")) return rewind(start, line);
    advance(3);
    skip_space();
    if (starts("-%}")) {
      advance(3);
      skip_space();
    } else if (starts("%}")) {
      advance(2);
    } else {
      return rewind(start, line);
    }
    at_line_start_ = source_[at_ - 1] == '\n';
    const std::size_t data_start = at_;
    for (std::size_t tag = source_.find("{%", at_); tag != source_.npos;
         tag = source_.find("{%", tag + 1)) {
      advance(tag - at_ + 2);
      const char sign = peek() == '-' || peek() == '+' ? peek() : '\0';
      if (sign != '\0') advance(1);
      skip_space();
      if (!starts("endraw")) continue;
      advance(6);
      skip_space();
      const auto text = std::string_view{source_}.substr(data_start, tag - data_start);
      std::string data = trimmed_before(text, sign, false);
      if (!close('%', false)) continue;
      if (!data.empty()) push(TokenKind::data, std::move(data));
      return true;
    }
    throw Problem{"a raw block without end", line};
  }

  bool rewind(std::size_t at, int line) {
    at_ = at;
    line_ = line;
    return false;
  }

  void inside_tag(bool is_variable) {
    const int line = line_;
    std::string open;  // the brackets that wait to be closed
    while (true) {
      if (at_ >= source_.size()) throw Problem{"a tag without end", line};
      if (open.empty() && close(is_variable ? '}' : '%', is_variable)) {
        push(is_variable ? TokenKind::variable_end : TokenKind::block_end, "");
        return;
      }
      const char c = peek();
      if (utf8::is_python_space(utf8::code_point_at(source_, at_))) {
        skip_space();
      } else if (is_name_start(c)) {
        name();
      } else if (is_digit(c)) {
        number();
      } else if (c == '\'' || c == '"') {
        string(c);
      } else {
        symbol(open);
      }
    }
  }

  void name() {
    std::size_t end = at_;
    while (end < source_.size() && (is_name_start(source_[end]) || is_digit(source_[end]))) ++end;
    push(TokenKind::name, source_.substr(at_, end - at_));
    advance(end - at_);
  }

  void number() {
    std::size_t end = at_;
    const auto digits = [&] {
      while (end < source_.size() && (is_digit(source_[end]) || source_[end] == '_')) ++end;
    };
    const auto digit_at = [&](std::size_t i) { return i < source_.size() && is_digit(source_[i]); };
    digits();
    bool is_float = false;
    if (end < source_.size() && source_[end] == '.' && digit_at(end + 1)) {
      is_float = true;
      ++end;
      digits();
    }
    if (end < source_.size() && (source_[end] == 'e' || source_[end] == 'E')) {
      const bool has_sign =
          end + 1 < source_.size() && (source_[end + 1] == '+' || source_[end + 1] == '-');
      if (digit_at(end + (has_sign ? 2 : 1))) {
        is_float = true;
        end += has_sign ? 2 : 1;
        digits();
      }
    }
    if (end < source_.size() && is_name_start(source_[end]))
      refuse("a number that runs into a name is not supported");
    std::string text = source_.substr(at_, end - at_);
    if (!is_float && text.size() > 1 && text[0] == '0' && text.find_first_not_of("0_") != text.npos)
      refuse("the number '" + text + "' starts with a zero");
    std::erase(text, '_');
    push(is_float ? TokenKind::number : TokenKind::integer, std::move(text));
    advance(end - at_);
  }

  void symbol(std::string& open) {
    static constexpr std::array<std::string_view, 28> known{
        "//", "**", "==", "!=", "<=", ">=", "+", "-", "/", "*", "%", "~", "[", "]",
        "(",  ")",  "{",  "}",  ">",  "<",  "=", ".", ":", "|", ",", ";", "&", "@"};
    const auto* found = std::find_if(known.begin(), known.end() - 3,
                                     [&](std::string_view text) { return starts(text); });
    if (found == known.end() - 3) refuse(std::string{"unexpected character '"} + peek() + "'");
    const char c = found->front();
    if (c == '(' || c == '[' || c == '{') open += c == '(' ? ')' : c == '[' ? ']' : '}';
    if (c == ')' || c == ']' || c == '}') {
      if (open.empty() || open.back() != c) refuse(std::string{"unexpected '"} + c + "'");
      open.pop_back();
    }
    push(TokenKind::symbol, std::string{*found});
    advance(found->size());
  }

  void string(char quote) {
    const int line = line_;
    std::string value;
    std::size_t end = at_ + 1;
    while (end < source_.size() && source_[end] != quote) {
      if (source_[end] == '\\' && end + 1 < source_.size()) {
        end = escape(end + 1, value);
      } else {
        value += source_[end++];
      }
    }
    if (end >= source_.size()) throw Problem{"a string without end", line};
    push(TokenKind::string, std::move(value));
    advance(end + 1 - at_);
  }

  // Python's escapes; `at` is past the backslash. Returns where the string goes on.
  std::size_t escape(std::size_t at, std::string& value) const {
    static constexpr std::string_view letters = "abfnrtv\\'\"";
    static constexpr std::string_view values = "\a\b\f\n\r\t\v\\'\"";
    const char c = source_[at];
    if (c == '\n') return at + 1;
    if (const auto i = letters.find(c); i != letters.npos) {
      value += values[i];
      return at + 1;
    }
    if (c >= '0' && c <= '7') {
      char32_t code_point = 0;
      std::size_t end = at;
      for (; end < at + 3 && end < source_.size() && source_[end] >= '0' && source_[end] <= '7';
           ++end)
        code_point = code_point * 8 + static_cast<char32_t>(source_[end] - '0');
      utf8::append(value, code_point);
      return end;
    }
    if (c == 'N') refuse("the escape '\\N' is not supported");
    if (c == 'x' || c == 'u' || c == 'U') {
      const std::size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
      const std::string hex = source_.substr(at + 1, digits);
      if (hex.size() != digits ||
          hex.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
        refuse(std::string{"the escape '\\"} + c + "' needs " + std::to_string(digits) +
               " hexadecimal digits");
      const auto code_point = static_cast<char32_t>(std::stoul(hex, nullptr, 16));
      if (code_point > 0x10ffff || (code_point >= 0xd800 && code_point < 0xe000))
        refuse("the escape '\\" + std::string{c} + hex + "' is no character");
      utf8::append(value, code_point);
      return at + 1 + digits;
    }
    value += '\\';
    return at;
  }

  std::string source_;
  std::vector<LexerToken> tokens_{};
  std::size_t at_ = 0;
  int line_ = 1;
  bool at_line_start_ = true;
};

}  // namespace

std::vector<LexerToken> cut_into_tokens(std::string_view source) {
  if (utf8::valid_size_from(source, 0) != source.size())
    throw Problem{"the template is not valid UTF-8", 1};
  return Lexer{with_plain_newlines(source)}.run();
}

}  // namespace flywheel::jinja
