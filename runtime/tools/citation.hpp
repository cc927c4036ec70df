// Citations: the words of an answer that stand, byte for byte, on a page that the model was shown.
//
//   model writes:  It is <cite url="https://a.org/p">the second letter</cite>.
//   people see:    It is the second letter.        + {type: url_citation, url, title, 6, 23}
//
// Guarantees: every citation is checked before it is shown: the cited words are a byte-exact span
// of
//             that page's text, and the conversation opened or found that page. What fails the
//             check keeps its words and loses the citation; the count is there.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/json.hpp"
#include "runtime/tools/page.hpp"

namespace flywheel {

inline constexpr std::size_t citations_max = 64;  // in one answer; others are refused

struct UrlCitation {
  std::string url{};
  std::string title{};
  std::size_t start = 0;       // bytes of the answer's text
  std::size_t end = 0;         // one past the last
  std::size_t page_start = 0;  // bytes of the page's text: page.substr(page_start, end - start)
};

struct CitedAnswer {
  std::string text{};  // without the tags
  std::vector<UrlCitation> citations{};
  std::size_t refused_count = 0;
};

// `shown` gives the page of a url, null where the conversation was not shown it.
CitedAnswer check_citations(std::string_view answer,
                            const std::function<const Page*(std::string_view)>& shown);

// The annotation of OpenAI's responses: start_index and end_index count characters, not bytes.
Json annotation_of(const UrlCitation& citation, const std::string& text);

}  // namespace flywheel
