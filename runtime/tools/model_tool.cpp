#include "runtime/tools/model_tool.hpp"

#include <utility>

namespace flywheel {
namespace {

ToolSpec make_spec(const std::vector<std::string>& models) {
  ToolSpec spec;
  spec.name = "model";
  spec.description = "Puts a question to another model and returns its answer.";
  spec.parameters = OrderedJson::parse(R"({"type": "object", "properties": {
    "model": {"type": "string"},
    "question": {"type": "string", "minLength": 1, "maxLength": 8192}
  }, "required": ["model", "question"]})");
  spec.parameters["properties"]["model"]["enum"] = models;
  return spec;
}

class ModelTool final : public Tool {
 public:
  ModelTool(const std::vector<std::string>& models, AskModel ask, ToolLimits limits)
      : spec_(make_spec(models)), ask_(std::move(ask)), limits_(limits) {}

  const ToolSpec& spec() const override { return spec_; }
  ToolLimits limits() const override { return limits_; }

  ToolResult run(const Json& arguments, ToolSession&) const override {
    const std::string model = arguments.at("model");
    auto answer = ask_({model, arguments.at("question"), limits_.wall_time_max});
    if (answer) return {.text = std::move(*answer)};
    const bool is_late = answer.error().failure == Failure::deadline_exceeded;
    return {.status = is_late ? ToolStatus::timeout : ToolStatus::unavailable,
            .text = model + " did not answer: " + answer.error().message};
  }

 private:
  ToolSpec spec_;
  AskModel ask_;
  ToolLimits limits_;
};

}  // namespace

std::shared_ptr<const Tool> model_tool(const std::vector<std::string>& models, AskModel ask,
                                       ToolLimits limits) {
  return std::make_shared<ModelTool>(models, std::move(ask), limits);
}

}  // namespace flywheel
