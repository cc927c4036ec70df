#include "runtime/grading/function_body.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/synthesis/python_text.hpp"

namespace flywheel {
namespace {

constexpr std::string_view blanks = " \t\r";

struct Line {
  std::string_view text{};  // as written
  std::string_view code{};  // without strings and comments
  bool in_string = false;   // begins in one: its blanks are content
  bool continues = false;   // begins in a string or in brackets, or behind a backslash
};

std::size_t indent_of(std::string_view line) {
  return std::min(line.find_first_not_of(blanks), line.size());
}

bool is_blank(std::string_view line) {
  return indent_of(line) == line.size();
}

int depth_of(std::string_view code) {
  int depth = 0;
  for (const char byte : code) {
    depth += byte == '(' || byte == '[' || byte == '{' ? 1 : 0;
    depth -= byte == ')' || byte == ']' || byte == '}' ? 1 : 0;
  }
  return depth;
}

std::vector<Line> lines_of(std::string_view text, std::string_view code) {
  std::vector<Line> lines;
  int depth = 0;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    Line line{text.substr(start, end - start), code.substr(start, end - start)};
    line.in_string = start > 0 && code[start - 1] == string_mark;
    line.continues =
        line.in_string || depth > 0 || (!lines.empty() && lines.back().code.ends_with('\\'));
    depth += depth_of(line.code);
    lines.push_back(line);
    start = end + 1;
  }
  return lines;
}

bool is_name_byte(char byte) {
  return byte == '_' || (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
         (byte >= 'A' && byte <= 'Z') || static_cast<unsigned char>(byte) >= 0x80;
}

std::vector<std::string_view> words_of(std::string_view code) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at < code.size();) {
    std::size_t end = at;
    while (end < code.size() && is_name_byte(code[end])) ++end;
    if (end > at) words.push_back(code.substr(at, end - at));
    at = std::max(end, at + 1);
  }
  return words;
}

bool defines(const Line& line, const std::string& name) {
  const auto words = words_of(line.code);
  const std::size_t def = !words.empty() && words[0] == "async" ? 1 : 0;
  if (line.continues || words.size() < def + 2 || words[def] != "def" || words[def + 1] != name)
    return false;
  const std::size_t end = static_cast<std::size_t>(words[def + 1].end() - line.code.begin());
  const std::size_t next = line.code.find_first_not_of(blanks, end);
  return next != std::string_view::npos && (line.code[next] == '(' || line.code[next] == '[');
}

// The colon that ends the head at the start of `code`; nothing where the head has no end.
std::optional<std::size_t> end_of_head(std::string_view code) {
  int depth = 0;
  for (std::size_t at = 0; at < code.size(); ++at) {
    depth += depth_of(code.substr(at, 1));
    if (depth == 0 && code[at] == ':') return at;
    if (depth == 0 && code[at] == '\n' && code[at - 1] != '\\') break;
  }
  return std::nullopt;
}

// Names of parameters: words behind the bracket, a comma or a star, in the outermost brackets.
bool has_parameter(std::string_view head, std::string_view name) {
  for (const std::string_view word : words_of(head)) {
    const auto at = static_cast<std::size_t>(word.begin() - head.begin());
    const std::size_t before = head.substr(0, at).find_last_not_of(" \t\r\n");
    if (word == name && before != std::string_view::npos && depth_of(head.substr(0, at)) == 1 &&
        std::string_view{"(,*"}.find(head[before]) != std::string_view::npos)
      return true;
  }
  return false;
}

// The imports of `lines` that mean the same at the start of a body.
std::string imports_of(const std::vector<Line>& lines, std::size_t end, std::string_view head) {
  std::string imports;
  bool is_import = false;
  for (std::size_t n = 0; n < end; ++n) {
    if (!lines[n].continues) {
      const auto words = words_of(lines[n].code);
      is_import = indent_of(lines[n].code) == 0 && words.size() > 1 &&
                  (words[0] == "import" || words[0] == "from") && words[1] != "__future__" &&
                  lines[n].code.find('*') == std::string_view::npos &&
                  std::ranges::none_of(
                      words, [&](std::string_view each) { return has_parameter(head, each); });
    }
    if (is_import) imports += std::string{lines[n].text} + "\n";
  }
  return imports;
}

// The statements below a head, at column 0.
std::string block_in(std::span<const Line> lines, std::size_t outer) {
  std::size_t inner = std::string::npos, end = 0;
  for (; end < lines.size(); ++end) {
    if (lines[end].continues || is_blank(lines[end].code)) continue;
    const std::size_t indent = indent_of(lines[end].code);
    if (indent <= outer) break;
    inner = std::min(inner, indent);
  }
  if (inner == std::string::npos) return {};
  std::string body;
  for (const Line& line : lines.first(end)) {
    if (!line.in_string && is_blank(line.text))
      body += '\n';
    else
      body += std::string{line.text.substr(
                  line.in_string ? 0 : std::min(inner, indent_of(line.text)))} +
              "\n";
  }
  return body;
}

}  // namespace

std::string function_body_in(const std::string& code, const std::string& name) {
  const std::string plain = code_only(code);
  const auto lines = lines_of(code, plain);
  const auto found =
      std::ranges::find_if(lines, [&](const Line& line) { return defines(line, name); });
  if (found == lines.end()) return {};
  const auto first = static_cast<std::size_t>(found - lines.begin());
  const auto start = static_cast<std::size_t>(found->code.data() - plain.data());
  const auto colon = end_of_head(std::string_view{plain}.substr(start));
  if (!colon) return {};
  const std::string_view head = std::string_view{plain}.substr(start, *colon);
  std::size_t line = first;
  while (line + 1 < lines.size() && lines[line + 1].code.data() <= plain.data() + start + *colon)
    ++line;
  const auto after =
      static_cast<std::size_t>(plain.data() + start + *colon + 1 - lines[line].code.data());
  std::string body;
  if (is_blank(lines[line].code.substr(after))) {
    body = block_in(std::span{lines}.subspan(line + 1), indent_of(found->code));
  } else {  // def f(x): return x
    const std::string_view rest = lines[line].text.substr(after);
    body = std::string{rest.substr(indent_of(rest))} + "\n";
    for (++line; line < lines.size() && lines[line].continues; ++line)
      body += std::string{lines[line].text} + "\n";
  }
  return body.empty() ? body : imports_of(lines, first, head) + body;
}

}  // namespace flywheel
