#include "runtime/tools/shown_pages.hpp"

namespace flywheel {

void ShownPages::add(const ToolResult& result) {
  // A page beyond the bounds is not kept, so what is cited from it is refused.
  for (const Page& page : result.fetched) (void)fetched_.put(page);
  urls_.insert(result.shown.begin(), result.shown.end());
}

const Page* ShownPages::find(std::string_view url, const Toolbox& toolbox) const {
  if (!urls_.contains(url)) return nullptr;
  const Page* stored = toolbox.page(url);
  return stored != nullptr ? stored : fetched_.find(url);
}

}  // namespace flywheel
