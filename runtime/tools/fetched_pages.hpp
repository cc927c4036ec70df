// FetchedPages holds the pages of the live web that one conversation has fetched.
//
// Guarantees: at most `fetched_pages_max` pages and `fetched_bytes_max` bytes of text; a page stays
//             where it is until its own address is fetched again.
// Threads:    none; its owner takes care.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "runtime/base/result.hpp"
#include "runtime/tools/page.hpp"

namespace flywheel {

inline constexpr std::size_t fetched_pages_max = 16;       // of one conversation
inline constexpr std::size_t fetched_bytes_max = 8 << 20;  // of their texts together

class FetchedPages {
 public:
  const Page* find(std::string_view url) const;  // null where there is none
  // Takes the place of an earlier page of the same address; resource_exhausted beyond the bounds.
  Result<const Page*> put(Page page);
  std::size_t size() const { return pages_.size(); }

 private:
  std::map<std::string, Page, std::less<>> pages_;
  std::size_t bytes_ = 0;
};

}  // namespace flywheel
