#include "runtime/synthesis/unified_diff.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

namespace flywheel {
namespace {

constexpr std::size_t context_lines = 3;

// With their line feeds; the last one may have none.
std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t size = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return lines;
}

std::string marked(char mark, std::string_view line) {
  const bool is_whole = line.ends_with('\n');
  return fmt::format("{}{}{}", mark, line, is_whole ? "" : "\n\\ No newline at end of file\n");
}

// Where a hunk of that many lines begins, as git counts: the line before it where it has none.
std::string range(std::size_t start, std::size_t count) {
  return fmt::format("{},{}", count == 0 ? start : start + 1, count);
}

}  // namespace

std::string unified_diff(const std::string& path, std::string_view before, std::string_view after) {
  if (before == after) return {};
  const auto old_lines = lines_of(before);
  const auto new_lines = lines_of(after);
  const std::size_t shared = std::min(old_lines.size(), new_lines.size());
  std::size_t head = 0, tail = 0;
  while (head < shared && old_lines[head] == new_lines[head]) ++head;
  while (tail < shared - head &&
         old_lines[old_lines.size() - 1 - tail] == new_lines[new_lines.size() - 1 - tail])
    ++tail;
  const std::size_t start = head - std::min(head, context_lines);
  const std::size_t kept = std::min(tail, context_lines);
  const std::size_t old_end = old_lines.size() - tail, new_end = new_lines.size() - tail;
  std::string text =
      fmt::format("--- a/{0}\n+++ b/{0}\n@@ -{1} +{2} @@\n", path,
                  range(start, old_end + kept - start), range(start, new_end + kept - start));
  for (std::size_t n = start; n < head; ++n) text += marked(' ', old_lines[n]);
  for (std::size_t n = head; n < old_end; ++n) text += marked('-', old_lines[n]);
  for (std::size_t n = head; n < new_end; ++n) text += marked('+', new_lines[n]);
  for (std::size_t n = old_end; n < old_end + kept; ++n) text += marked(' ', old_lines[n]);
  return text;
}

}  // namespace flywheel
