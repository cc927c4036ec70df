// The tools `browse` and `search`: find pages by words, open one, find words in one. `browse` reads
// a snapshot of a part of the web, `search` a person's own documents.
//
// Guarantees: a page that is not in the store is refused, never fetched, unless the operator gave a
//             proxy and a list of hosts: then `browse` fetches it through them when it is opened,
//             for this conversation only. What is shown is named in ToolResult::shown, and what was
//             fetched is in ToolResult::fetched, so that citations of it can be checked.
#pragma once

#include <memory>

#include "runtime/tools/live_pages.hpp"
#include "runtime/tools/page_store.hpp"
#include "runtime/tools/tool.hpp"

namespace flywheel {

// `live` may be null: then nothing is fetched.
std::shared_ptr<const Tool> browse_tool(std::shared_ptr<const PageStore> pages, ToolLimits limits,
                                        std::shared_ptr<const LivePages> live = nullptr);
std::shared_ptr<const Tool> search_tool(std::shared_ptr<const PageStore> pages, ToolLimits limits);

}  // namespace flywheel
