// Reads the words of an HTML page in a container: a page of the web is never parsed in this
// process.
#pragma once

#include <chrono>
#include <string>

#include "runtime/base/result.hpp"
#include "runtime/tools/tool_session.hpp"

namespace flywheel {

struct HtmlText {
  std::string title{};  // on one line; may be empty
  std::string text{};
};

// By the rules of scripts/page_text.py, in a container of its own, where nothing that a model wrote
// has run: else a conversation could make its pages say what it wants to cite. deadline_exceeded
// past `time_max`, which starts when the container is there.
Result<HtmlText> read_html(const std::string& html, std::chrono::milliseconds time_max,
                           ToolSession& session);

}  // namespace flywheel
