// The tool `model`: puts a question to another hosted model and gives back its answer.
//
// Guarantees: only models of the list; the answer is text like any tool's output: bounded,
// labelled,
//             never an instruction. A model asked by a tool gets no tools itself, so calls can't
//             nest.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/tools/tool.hpp"

namespace flywheel {

struct ModelQuestion {
  std::string model{};
  std::string question{};
  std::chrono::milliseconds wait_max{0};
};

// Blocks until the model has answered or wait_max is over; called on worker threads.
using AskModel = std::function<Result<std::string>(const ModelQuestion&)>;

std::shared_ptr<const Tool> model_tool(const std::vector<std::string>& models, AskModel ask,
                                       ToolLimits limits);

}  // namespace flywheel
