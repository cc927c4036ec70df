#include "runtime/tools/fetched_pages.hpp"

#include <utility>

#include <fmt/format.h>

namespace flywheel {

const Page* FetchedPages::find(std::string_view url) const {
  const auto found = pages_.find(url);
  return found == pages_.end() ? nullptr : &found->second;
}

Result<const Page*> FetchedPages::put(Page page) {
  const Page* earlier = find(page.url);
  const std::size_t bytes =
      bytes_ - (earlier == nullptr ? 0 : earlier->text.size()) + page.text.size();
  if (bytes > fetched_bytes_max || (earlier == nullptr && pages_.size() == fetched_pages_max))
    return fail(Failure::resource_exhausted,
                fmt::format("a conversation fetches at most {} pages with {} bytes together",
                            fetched_pages_max, fetched_bytes_max));
  bytes_ = bytes;
  std::string url = page.url;
  return &pages_.insert_or_assign(std::move(url), std::move(page)).first->second;
}

}  // namespace flywheel
