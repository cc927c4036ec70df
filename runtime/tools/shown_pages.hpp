// ShownPages are the pages that a conversation was shown: what its answers may cite.
//
// Guarantees: a page that another conversation fetched is not among them.
// Threads:    none; its owner takes care.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "runtime/tools/fetched_pages.hpp"
#include "runtime/tools/tool.hpp"
#include "runtime/tools/toolbox.hpp"

namespace flywheel {

class ShownPages {
 public:
  void add(const ToolResult& result);

  // Null where the conversation was not shown it.
  const Page* find(std::string_view url, const Toolbox& toolbox) const;

 private:
  std::set<std::string, std::less<>> urls_;
  FetchedPages fetched_;
};

}  // namespace flywheel
