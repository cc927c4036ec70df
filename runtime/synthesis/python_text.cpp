#include "runtime/synthesis/python_text.hpp"

#include <algorithm>

namespace flywheel {
namespace {

// One past the string that begins with the quote at `start`.
std::size_t end_of_string(std::string_view text, std::size_t start) {
  const char quote = text[start];
  const std::string triple(3, quote);
  const bool is_triple = text.substr(start).starts_with(triple);
  for (std::size_t at = start + (is_triple ? 3 : 1); at < text.size(); ++at) {
    if (text[at] == '\\')
      ++at;
    else if (is_triple && text.substr(at).starts_with(triple))
      return at + 3;
    else if (!is_triple && (text[at] == quote || text[at] == '\n'))
      return text[at] == quote ? at + 1 : at;
  }
  return text.size();
}

}  // namespace

std::string code_only(std::string_view text) {
  std::string code{text};
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at + 1;
    if (text[at] == '#') {
      end = std::min(text.find('\n', at), text.size());
      std::fill(code.begin() + static_cast<std::ptrdiff_t>(at),
                code.begin() + static_cast<std::ptrdiff_t>(end), ' ');
    } else if (text[at] == '"' || text[at] == '\'') {
      end = end_of_string(text, at);
      std::fill(code.begin() + static_cast<std::ptrdiff_t>(at),
                code.begin() + static_cast<std::ptrdiff_t>(end), string_mark);
    }
    at = end;
  }
  return code;
}

std::string with_body(const std::string& file, const Json& target, const std::string& body) {
  const auto before = target.at("before_lines").get<std::size_t>();
  const auto last = target.at("span").at(1).get<std::size_t>();
  const auto indent = target.at("indent").get<std::string>();
  const std::string code = code_only(body);
  std::string text;
  std::size_t line = 0, start = 0;
  while (start < file.size()) {
    const std::size_t end = std::min(file.find('\n', start), file.size() - 1) + 1;
    if (line < before || line >= last) text += file.substr(start, end - start);
    if (++line == before) {
      for (std::size_t at = 0; at < body.size();) {
        const std::size_t stop = std::min(body.find('\n', at), body.size());
        const bool in_string = at > 0 && code[at - 1] == string_mark;  // blanks are content there
        if (stop > at && !in_string) text += indent;
        text += body.substr(at, stop - at) + "\n";
        at = stop + 1;
      }
    }
    start = end;
  }
  return text;
}

}  // namespace flywheel
