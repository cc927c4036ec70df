#include "runtime/tools/file_tool.hpp"

#include <utility>

#include "runtime/tools/bench_text.hpp"
#include "runtime/tools/file_driver.hpp"
#include "runtime/tools/tool_session.hpp"

namespace flywheel {
namespace {

ToolSpec make_spec() {
  ToolSpec spec;
  spec.name = "files";
  spec.description =
      "Looks into the conversation's files: list them; describe one (columns of a CSV with their "
      "least, most, mean and sum; size and start of a text or PDF); read one from a line on.";
  spec.parameters = OrderedJson::parse(R"({"type": "object", "properties": {
    "action": {"type": "string", "enum": ["list", "describe", "read"]},
    "path": {"type": "string", "minLength": 1, "maxLength": 1000},
    "line": {"type": "integer", "minimum": 1, "maximum": 10000000}
  }, "required": ["action"]})");
  return spec;
}

class FileTool final : public Tool {
 public:
  explicit FileTool(ToolLimits limits) : limits_(limits) {}

  const ToolSpec& spec() const override { return spec_; }
  ToolLimits limits() const override { return limits_; }
  bool runs_code() const override { return true; }

  ToolResult run(const Json& arguments, ToolSession& session) const override {
    const std::string action = arguments.at("action");
    const std::string path = arguments.value("path", action == "list" ? "." : "");
    if (path.empty())
      return {.status = ToolStatus::refused, .text = "files: action " + action + " needs 'path'"};
    const auto bench = session.workbench();
    if (!bench) return unavailable(bench.error());
    const auto line = std::to_string(arguments.value("line", 1));
    const auto ran = (*bench)->run({.command = {"python3", "-c", file_driver(), action, path, line},
                                    .wall_time_max = limits_.wall_time_max});
    if (!ran) return unavailable(ran.error());
    if (ran->end == BenchEnd::gone) session.drop_workbench();
    ToolResult result{.status = status_of(*ran), .text = ran->output};
    if (result.text.empty()) result.text = ran->error_output;
    if (ran->end != BenchEnd::exited) result.text += "[" + end_text(*ran, limits_) + "]";
    if (result.text.empty()) result.text = "[no files]";
    return result;
  }

 private:
  ToolSpec spec_ = make_spec();
  ToolLimits limits_;
};

}  // namespace

std::shared_ptr<const Tool> file_tool(ToolLimits limits) {
  return std::make_shared<FileTool>(limits);
}

}  // namespace flywheel
