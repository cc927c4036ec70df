#include "runtime/tools/tool_parts.hpp"

#include <utility>

#include "runtime/base/base64.hpp"

namespace flywheel {

void add_call_parts(std::vector<Part>& parts, const std::vector<ToolCall>& calls) {
  for (const ToolCall& call : calls)
    parts.push_back({.kind = PartKind::tool_call,
                     .text = call.error.empty() ? dump_json(call.arguments) : call.source,
                     .name = call.name,
                     .call_id = call.id});
}

void add_result_parts(std::vector<Part>& parts, const std::vector<ToolCall>& calls,
                      const std::vector<ToolResult>& results) {
  for (std::size_t i = 0; i < results.size(); ++i) {
    parts.push_back({.kind = PartKind::tool_result,
                     .text = results[i].text,
                     .name = calls[i].name,
                     .call_id = calls[i].id});
    for (const ToolFile& file : results[i].files)
      parts.push_back({.kind = PartKind::file,
                       .text = "data:" + file.media_type + ";base64," + encode_base64(file.bytes),
                       .name = file.name,
                       .call_id = calls[i].id});
  }
}

void add_answer_parts(std::vector<Part>& parts, const std::string& answer, const Toolbox& toolbox,
                      const ShownPages& shown) {
  const auto cited =
      check_citations(answer, [&](std::string_view url) { return shown.find(url, toolbox); });
  std::size_t at = 0;
  const auto add = [&](std::size_t end, std::string url) {
    if (end > at)
      parts.push_back({.text = cited.text.substr(at, end - at), .name = std::move(url)});
    at = end;
  };
  for (const UrlCitation& citation : cited.citations) {
    add(citation.start, {});
    add(citation.end, citation.url);
  }
  add(cited.text.size(), {});
  if (parts.empty()) parts.emplace_back();
}

}  // namespace flywheel
