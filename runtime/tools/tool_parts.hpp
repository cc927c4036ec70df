// Tool calls, their results and cited answers as parts of a transcript, for people's eyes; the
// tokens that the model saw are the transcript's spans.
#pragma once

#include <string>
#include <vector>

#include "runtime/base/transcript.hpp"
#include "runtime/tools/citation.hpp"
#include "runtime/tools/shown_pages.hpp"
#include "runtime/tools/tool.hpp"
#include "runtime/tools/tool_call.hpp"
#include "runtime/tools/toolbox.hpp"

namespace flywheel {

// One tool_call part each; of a call that could not be read, what the model wrote.
void add_call_parts(std::vector<Part>& parts, const std::vector<ToolCall>& calls);

// A tool_result part each, and a file part for each picture, as a data URL.
void add_result_parts(std::vector<Part>& parts, const std::vector<ToolCall>& calls,
                      const std::vector<ToolResult>& results);

// Text parts that joined are the answer without its citation tags. A part that is cited has the url
// as its name: its words are a byte-exact span of that page, one of `shown`.
void add_answer_parts(std::vector<Part>& parts, const std::string& answer, const Toolbox& toolbox,
                      const ShownPages& shown);

}  // namespace flywheel
