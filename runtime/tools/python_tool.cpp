#include "runtime/tools/python_tool.hpp"

#include <utility>

#include "runtime/tools/bench_text.hpp"
#include "runtime/tools/python_cell.hpp"
#include "runtime/tools/tool_session.hpp"

namespace flywheel {
namespace {

ToolSpec make_spec() {
  ToolSpec spec;
  spec.name = "python";
  spec.description =
      "Runs Python 3 in a sandbox without network and returns what it prints and the value of the "
      "last expression.";
  spec.parameters = OrderedJson::parse(R"({"type": "object", "properties": {"code":
      {"type": "string", "minLength": 1, "maxLength": 12288,
       "description": "the code"}}, "required": ["code"]})");
  return spec;
}

void add_line(std::string& text, const std::string& line) {
  if (line.empty()) return;
  if (!text.empty() && text.back() != '\n') text += '\n';
  text += line;
}

class PythonTool final : public Tool {
 public:
  explicit PythonTool(ToolLimits limits) : limits_(limits) {}

  const ToolSpec& spec() const override { return spec_; }
  ToolLimits limits() const override { return limits_; }
  bool runs_code() const override { return true; }

  ToolResult run(const Json& arguments, ToolSession& session) const override {
    const auto bench = session.workbench();
    if (!bench) return unavailable(bench.error());
    PythonCell cell;
    cell.code = arguments.at("code");
    cell.wall_time_max = limits_.wall_time_max;
    cell.text_bytes_max = limits_.output_bytes_max;
    cell.execution_count = session.next_cell();
    const auto answer = run_python_cell(**bench, cell);
    if (!answer) return unavailable(answer.error());
    if (answer->ended.end == BenchEnd::gone) session.drop_workbench();
    ToolResult result{.status = status_of(answer->ended)};
    result.files = pictures_of(answer->execution);
    result.text = text_of(*answer, result.files);
    return result;
  }

 private:
  // What it printed, its value, its pictures by name, its error; each within its share.
  std::string text_of(const PythonAnswer& answer, const std::vector<ToolFile>& pictures) const {
    const std::size_t share = limits_.output_bytes_max / 4;
    const auto& [execution, ended] = answer;
    std::string text;
    add_line(text, clip_text(ended.output, share));
    for (const Json& shown : execution.at("results"))
      if (shown.value("is_main_result", false))
        add_line(text, clip_text(shown.value("text", ""), share));
    for (const ToolFile& picture : pictures) add_line(text, "[picture " + picture.name + "]");
    if (!ended.error_output.empty())
      add_line(text, "stderr: " + clip_text(ended.error_output, share / 2));
    const Json& error = execution.at("error");
    if (error.is_object())
      add_line(text, clip_text(error.at("traceback").get<std::string>(), share));
    else if (const auto end = end_text(ended, limits_); !end.empty())
      add_line(text, "[" + end + "]");
    return text.empty() ? "[no output]" : text;
  }

  ToolSpec spec_ = make_spec();
  ToolLimits limits_;
};

}  // namespace

std::shared_ptr<const Tool> python_tool(ToolLimits limits) {
  return std::make_shared<PythonTool>(limits);
}

}  // namespace flywheel
