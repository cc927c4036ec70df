#include "runtime/tools/citation.hpp"

#include <algorithm>
#include <utility>

namespace flywheel {
namespace {

constexpr std::string_view open_start = "<cite url=\"";
constexpr std::string_view open_end = "\">";
constexpr std::string_view close_tag = "</cite>";

std::size_t characters_in(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char byte) { return (static_cast<unsigned char>(byte) & 0xc0) != 0x80; }));
}

}  // namespace

CitedAnswer check_citations(std::string_view answer,
                            const std::function<const Page*(std::string_view)>& shown) {
  CitedAnswer cited;
  while (true) {
    const auto open = answer.find(open_start);
    if (open == std::string_view::npos) break;
    const auto url_start = open + open_start.size();
    const auto url_end = answer.find(open_end, url_start);
    const auto close = url_end == std::string_view::npos
                           ? url_end
                           : answer.find(close_tag, url_end + open_end.size());
    if (close == std::string_view::npos) break;  // not a citation: the words stay as they are
    cited.text += answer.substr(0, open);
    const auto url = answer.substr(url_start, url_end - url_start);
    const auto words_start = url_end + open_end.size();
    const auto words = answer.substr(words_start, close - words_start);
    const Page* page = words.empty() ? nullptr : shown(url);
    const auto at = page == nullptr ? std::string::npos : page->text.find(words);
    if (at == std::string::npos || cited.citations.size() == citations_max)
      ++cited.refused_count;
    else
      cited.citations.push_back(
          {page->url, page->title, cited.text.size(), cited.text.size() + words.size(), at});
    cited.text += words;
    answer.remove_prefix(close + close_tag.size());
  }
  cited.text += answer;
  return cited;
}

Json annotation_of(const UrlCitation& citation, const std::string& text) {
  const std::string_view view{text};
  const std::size_t start = characters_in(view.substr(0, citation.start));
  const std::size_t length =
      characters_in(view.substr(citation.start, citation.end - citation.start));
  return {{"type", "url_citation"},
          {"url", citation.url},
          {"title", citation.title},
          {"start_index", start},
          {"end_index", start + length}};
}

}  // namespace flywheel
