// Page is one text that a model may read and cite, by its address.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace flywheel {

inline constexpr std::size_t page_bytes_max = 4 << 20;  // of one page's text

struct Page {
  std::string url{};
  std::string title{};
  std::string text{};
  std::vector<std::size_t> lines{};  // where each line starts
};

Page make_page(std::string url, std::string title, std::string text);

// One line of a page, without its end.
std::string_view line_of(const Page& page, std::size_t line);

}  // namespace flywheel
