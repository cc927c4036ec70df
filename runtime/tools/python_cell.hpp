// A notebook cell in a workbench: runs Python, and gives what a notebook would show.
//
// The answer has the shape of e2b's code results, with our bounds:
//   {"results": [{"text": "4", "is_main_result": true}, {"png": "<base64>", "svg": "<svg ..."}],
//    "logs": {"stdout": ["..."], "stderr": []}, "error": {"name", "value", "traceback"} or null,
//    "execution_count": 1}
// The last expression's value is the main result; every open matplotlib figure is a result with
// png and svg.
//
// Guarantees: output streams past Python itself, so what a cell had written is there even when the
//             cell was stopped; the file that carries the results is bounded before it is parsed.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "runtime/base/json.hpp"
#include "runtime/tools/tool.hpp"
#include "runtime/tools/workbench.hpp"

namespace flywheel {

struct PythonCell {
  std::string code{};
  std::chrono::milliseconds wall_time_max{10'000};
  std::size_t text_bytes_max = 16 * 1024;  // of one result's text
  std::size_t answer_bytes_max = 4 << 20;  // of all results together
  int execution_count = 1;
};

struct PythonAnswer {
  Json execution{};     // as above
  BenchResult ended{};  // how the process ended
};

Result<PythonAnswer> run_python_cell(Workbench& bench, const PythonCell& cell);

// The pictures of an execution's results, png before svg; what is not base64 is left out.
std::vector<ToolFile> pictures_of(const Json& execution);

}  // namespace flywheel
