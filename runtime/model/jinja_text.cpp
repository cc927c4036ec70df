#include "runtime/model/jinja_text.hpp"

#include <algorithm>

#include "runtime/model/tokenizer_utf8.hpp"

namespace flywheel::jinja {
namespace {

// Characters whose upper, lower or title form in Python is more than one character, is not the
// simple one, or depends on the neighbours (SpecialCasing.txt).
bool has_special_case(char32_t c) {
  return c == 0xdf || c == 0x130 || c == 0x149 || c == 0x1f0 || c == 0x390 || c == 0x3a3 ||
         c == 0x3b0 || c == 0x587 || (c >= 0x1c4 && c <= 0x1cc) || (c >= 0x1f1 && c <= 0x1f3) ||
         (c >= 0x10d0 && c <= 0x10ff) || (c >= 0x1c90 && c <= 0x1cbf) ||
         (c >= 0x1e96 && c <= 0x1e9a) || c == 0x1e9e || (c >= 0x1f50 && c <= 0x1f56) ||
         (c >= 0x1f80 && c <= 0x1fff) || (c >= 0xfb00 && c <= 0xfb17);
}

std::string mapped(std::string_view text, char32_t (*map)(char32_t)) {
  std::string changed;
  changed.reserve(text.size());
  for (const char32_t c : utf8::code_points_of(text)) {
    if (has_special_case(c)) {
      std::string one;
      utf8::append(one, c);
      throw Problem{"changing the letter case of '" + one + "' is not supported"};
    }
    utf8::append(changed, map(c));
  }
  return changed;
}

bool is_line_end(char32_t c) {
  return (c >= 0x0a && c <= 0x0d) || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

std::vector<std::string> split_at_space(std::string_view text, std::int64_t count_max,
                                        bool from_right) {
  std::vector<std::string> parts;
  std::string_view rest = text;
  const auto strip_rest = [&](bool left, bool right) {
    std::size_t start = 0;
    std::size_t end = rest.size();
    while (left && start < end && utf8::is_python_space(utf8::code_point_at(rest, start)))
      start += utf8::size_at(rest, start);
    while (right && end > start) {
      const std::size_t before = utf8::start_before(rest, end);
      if (!utf8::is_python_space(utf8::code_point_at(rest, before))) break;
      end = before;
    }
    rest = rest.substr(start, end - start);
  };
  strip_rest(!from_right, from_right);
  while (!rest.empty() && count_max-- != 0) {
    if (from_right) {
      std::size_t start = rest.size();
      while (start > 0) {
        const std::size_t before = utf8::start_before(rest, start);
        if (utf8::is_python_space(utf8::code_point_at(rest, before))) break;
        start = before;
      }
      parts.emplace_back(rest.substr(start));
      rest = rest.substr(0, start);
    } else {
      std::size_t end = 0;
      while (end < rest.size() && !utf8::is_python_space(utf8::code_point_at(rest, end)))
        end += utf8::size_at(rest, end);
      parts.emplace_back(rest.substr(0, end));
      rest = rest.substr(end);
    }
    strip_rest(!from_right, from_right);
  }
  if (!rest.empty()) parts.emplace_back(rest);
  if (from_right) std::reverse(parts.begin(), parts.end());
  return parts;
}

}  // namespace

std::string stripped(std::string_view text, const std::optional<std::string>& chars, bool left,
                     bool right) {
  std::vector<char32_t> set;
  if (chars) set = utf8::code_points_of(*chars);
  std::sort(set.begin(), set.end());  // both texts may be as long as a template's may be
  const auto drops = [&](char32_t c) {
    return chars ? std::binary_search(set.begin(), set.end(), c) : utf8::is_python_space(c);
  };
  std::size_t start = 0;
  std::size_t end = text.size();
  while (left && start < end && drops(utf8::code_point_at(text, start)))
    start += utf8::size_at(text, start);
  while (right && end > start) {
    const std::size_t before = utf8::start_before(text, end);
    if (!drops(utf8::code_point_at(text, before))) break;
    end = before;
  }
  return std::string{text.substr(start, end - start)};
}

std::vector<std::string> split_text(std::string_view text,
                                    const std::optional<std::string>& separator,
                                    std::int64_t count_max, bool from_right) {
  if (!separator) return split_at_space(text, count_max, from_right);
  std::vector<std::string> parts;
  std::string_view rest = text;
  while (count_max-- != 0) {
    const std::size_t at = from_right ? rest.rfind(*separator) : rest.find(*separator);
    if (at == rest.npos) break;
    const std::size_t after = at + separator->size();
    parts.emplace_back(from_right ? rest.substr(after) : rest.substr(0, at));
    rest = from_right ? rest.substr(0, at) : rest.substr(after);
  }
  parts.emplace_back(rest);
  if (from_right) std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<std::string> split_lines(std::string_view text, bool keep_ends) {
  std::vector<std::string> lines;
  std::size_t start = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = utf8::size_at(text, at);
    if (!is_line_end(utf8::code_point_at(text, at))) {
      at += size;
      continue;
    }
    const bool is_pair = text[at] == '\r' && at + 1 < text.size() && text[at + 1] == '\n';
    const std::size_t after = at + size + (is_pair ? 1 : 0);
    lines.emplace_back(text.substr(start, (keep_ends ? after : at) - start));
    start = at = after;
  }
  if (start < text.size()) lines.emplace_back(text.substr(start));
  return lines;
}

Value replaced(Machine& machine, const std::string& text, const std::string& from,
               const std::string& to, std::int64_t count_max) {
  machine.charge_text(text.size());
  std::string out;
  std::size_t done = 0;
  std::size_t from_at = 0;
  while (count_max-- != 0 && from_at <= text.size()) {
    const std::size_t at = text.find(from, from_at);
    if (at == text.npos) break;
    machine.charge_text(to.size());
    out.append(text, done, at - done);
    out += to;
    done = at + from.size();
    from_at = done;
    if (from.empty()) from_at = at < text.size() ? at + utf8::size_at(text, at) : at + 1;
  }
  out.append(text, std::min(done, text.size()), std::string::npos);
  return machine.text(std::move(out));
}

std::string upper(std::string_view text) {
  return mapped(text, utf8::to_upper);
}
std::string lower(std::string_view text) {
  return mapped(text, utf8::to_lower);
}

std::string capitalized(std::string_view text) {
  if (text.empty()) return "";
  const std::size_t size = utf8::size_at(text, 0);
  return upper(text.substr(0, size)) + lower(text.substr(size));
}

std::string title(std::string_view text) {
  std::string changed;
  bool after_cased = false;
  for (std::size_t at = 0; at < text.size(); at += utf8::size_at(text, at)) {
    const auto one = text.substr(at, utf8::size_at(text, at));
    changed += after_cased ? lower(one) : upper(one);
    const char32_t c = utf8::code_point_at(text, at);
    after_cased = utf8::is_upper(c) || utf8::is_lower(c);
  }
  return changed;
}

bool has_case(std::string_view text, bool lower_case) {
  bool found = false;
  for (const char32_t c : utf8::code_points_of(text)) {
    if (lower_case ? utf8::is_upper(c) : utf8::is_lower(c)) return false;
    found = found || (lower_case ? utf8::is_lower(c) : utf8::is_upper(c));
  }
  return found;
}

}  // namespace flywheel::jinja
