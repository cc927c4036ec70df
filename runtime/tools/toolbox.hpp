// Toolbox holds the tools there are, and runs a call: is it well formed, known, allowed, are its
// arguments right? Only then the tool.
//
// Guarantees: every call gets one result, within the tool's bounds; a refusal names what is wrong
//             and, of tools, only those that are allowed. A tool that throws is `unavailable`.
// Threads:    immutable; any thread, one call of a session at a time.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/tools/tool.hpp"
#include "runtime/tools/tool_call.hpp"

namespace flywheel {

class Toolbox {
 public:
  // Names are unique.
  explicit Toolbox(std::vector<std::shared_ptr<const Tool>> tools);

  const Tool* find(std::string_view name) const;  // null where there is none
  std::vector<std::string> names() const;
  const Page* page(std::string_view url) const;  // of the first tool that has it; else null

  ToolResult run(const ToolCall& call, std::span<const std::string> allowed,
                 ToolSession& session) const;

  // What a chat template takes as `tools`: [{"type": "function", "function": {...}}]; not_found
  // names an allowed tool that there is not.
  Result<OrderedJson> schemas(std::span<const std::string> allowed) const;

 private:
  std::vector<std::shared_ptr<const Tool>> tools_;
};

// The system message that states the tools to a model whose chat template has no place for them:
// `system` first, then the schemas between <tools> tags and the form of a call.
std::string tools_system_text(const std::string& system, const OrderedJson& schemas);

}  // namespace flywheel
