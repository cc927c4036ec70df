#include "runtime/tools/shell_tool.hpp"

#include <utility>

#include "runtime/tools/bench_text.hpp"
#include "runtime/tools/tool_session.hpp"

namespace flywheel {
namespace {

ToolSpec make_spec() {
  ToolSpec spec;
  spec.name = "shell";
  spec.description = "Runs a command line with sh in a sandbox without network. Files are kept.";
  spec.parameters = OrderedJson::parse(R"({"type": "object", "properties": {"command":
      {"type": "string", "minLength": 1, "maxLength": 8192,
       "description": "the command line"}}, "required": ["command"]})");
  return spec;
}

class ShellTool final : public Tool {
 public:
  explicit ShellTool(ToolLimits limits) : limits_(limits) {}

  const ToolSpec& spec() const override { return spec_; }
  ToolLimits limits() const override { return limits_; }
  bool runs_code() const override { return true; }

  ToolResult run(const Json& arguments, ToolSession& session) const override {
    const auto bench = session.workbench();
    if (!bench) return unavailable(bench.error());
    const auto ran = (*bench)->run(
        {.command = {"sh", "-c", arguments.at("command")}, .wall_time_max = limits_.wall_time_max});
    if (!ran) return unavailable(ran.error());
    if (ran->end == BenchEnd::gone) session.drop_workbench();
    ToolResult result{.status = status_of(*ran)};
    const std::string end = end_text(*ran, limits_);
    // Each stream gets its share, so that a flood in one can't push the other out.
    const std::size_t share = limits_.output_bytes_max * 2 / 5;
    result.text = clip_text(ran->output, ran->error_output.empty() ? share * 2 : share);
    if (!ran->error_output.empty())
      result.text += (result.text.empty() ? "stderr: " : "\nstderr: ") +
                     clip_text(ran->error_output, ran->output.empty() ? share * 2 : share);
    if (!end.empty()) result.text += (result.text.empty() ? "" : "\n") + ("[" + end + "]");
    if (result.text.empty()) result.text = "[no output]";
    return result;
  }

 private:
  ToolSpec spec_ = make_spec();
  ToolLimits limits_;
};

}  // namespace

std::shared_ptr<const Tool> shell_tool(ToolLimits limits) {
  return std::make_shared<ShellTool>(limits);
}

}  // namespace flywheel
