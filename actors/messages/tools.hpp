// The conversation about tool calls: SimulatedUser has them run, ToolHost answers with what came of
// each.
#pragma once

#include <cstdint>
#include <vector>

#include "actors/messages/records.hpp"
#include "runtime/tools/tool.hpp"
#include "runtime/tools/tool_call.hpp"

namespace flywheel {

// Runs one turn's calls, in their order; answered when the last has its result.
struct RunTools {
  RolloutId conversation{};  // names the session: its container and files
  Task task{};               // says which tools are allowed
  std::vector<ToolCall> calls{};
};
struct ToolsRan {
  std::vector<ToolResult> results{};  // one a call, in their order
};

// A worker of the ToolHost has ended a RunTools.
struct ToolJobEnded {
  std::uint64_t job = 0;
  ToolsRan ran{};
};

// The conversation is over: its container goes.
struct EndToolSession {
  RolloutId conversation{};
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ToolCall& x) {
  auto arguments = as_text(x.arguments);
  return f(caf::meta::type_name("ToolCall"), x.id, x.name, arguments, x.error, x.source);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ToolFile& x) {
  return f(caf::meta::type_name("ToolFile"), x.name, x.media_type, x.bytes);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Page& x) {
  return f(caf::meta::type_name("Page"), x.url, x.title, x.text, x.lines);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ToolResult& x) {
  auto status = as_number(x.status);
  return f(caf::meta::type_name("ToolResult"), status, x.text, x.files, x.shown, x.fetched);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, RunTools& x) {
  return f(caf::meta::type_name("RunTools"), x.conversation, x.task, x.calls);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ToolsRan& x) {
  return f(caf::meta::type_name("ToolsRan"), x.results);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ToolJobEnded& x) {
  return f(caf::meta::type_name("ToolJobEnded"), x.job, x.ran);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, EndToolSession& x) {
  return f(caf::meta::type_name("EndToolSession"), x.conversation);
}

}  // namespace flywheel
