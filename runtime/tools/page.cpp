#include "runtime/tools/page.hpp"

#include <utility>

namespace flywheel {

Page make_page(std::string url, std::string title, std::string text) {
  Page page{std::move(url), std::move(title), std::move(text), {0}};
  for (std::size_t i = 0; i + 1 < page.text.size(); ++i)
    if (page.text[i] == '\n') page.lines.push_back(i + 1);
  return page;
}

std::string_view line_of(const Page& page, std::size_t line) {
  const std::size_t start = page.lines[line];
  const std::size_t end =
      line + 1 < page.lines.size() ? page.lines[line + 1] - 1 : page.text.size();
  std::string_view text = std::string_view{page.text}.substr(start, end - start);
  if (text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

}  // namespace flywheel
