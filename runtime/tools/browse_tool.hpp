// The tools `browse` and `search`: find pages by words, open one, find words in one. `browse` reads
// a snapshot of a part of the web, `search` a person's own documents.
//
// Guarantees: a page that is not in the store is refused, never fetched: live pages come only
//             through an operator's proxy with a list of allowed domains, and none is set up. What
//             is shown is named in ToolResult::shown, so that citations of it can be checked.
#pragma once

#include <memory>

#include "runtime/tools/page_store.hpp"
#include "runtime/tools/tool.hpp"

namespace flywheel {

std::shared_ptr<const Tool> browse_tool(std::shared_ptr<const PageStore> pages, ToolLimits limits);
std::shared_ptr<const Tool> search_tool(std::shared_ptr<const PageStore> pages, ToolLimits limits);

}  // namespace flywheel
