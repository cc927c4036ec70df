#include "runtime/tools/python_cell.hpp"

#include <utility>

#include <fmt/format.h>

#include "runtime/base/base64.hpp"
#include "runtime/tools/python_driver.hpp"

namespace flywheel {
namespace {

// What the driver wrote, as far as it has the shape that it should: the cell runs beside it and may
// write there what it likes.
Json checked(const Json& answer) {
  Json execution{{"results", Json::array()}, {"error", nullptr}};
  if (!answer.is_object()) return execution;
  if (const auto results = answer.find("results"); results != answer.end() && results->is_array())
    for (const Json& result : *results) {
      if (!result.is_object()) continue;
      Json kept = Json::object();
      for (const auto& [key, value] : result.items())
        if (value.is_string() || value.is_boolean()) kept[key] = value;
      execution["results"].push_back(std::move(kept));
    }
  const auto error = answer.find("error");
  if (error == answer.end() || !error->is_object()) return execution;
  Json kept = Json::object();
  for (const char* key : {"name", "value", "traceback"}) {
    const auto value = error->find(key);
    kept[key] = value != error->end() && value->is_string() ? *value : Json("");
  }
  execution["error"] = std::move(kept);
  return execution;
}

Json lines_of(const std::string& text) {
  return text.empty() ? Json::array() : Json::array({text});
}

}  // namespace

Result<PythonAnswer> run_python_cell(Workbench& bench, const PythonCell& cell) {
  const std::string path = fmt::format("/tmp/cell_{}.json", cell.execution_count);
  BenchCommand command;
  command.command = {"python3", "-c", python_driver(), path, std::to_string(cell.text_bytes_max)};
  command.input = cell.code;
  command.wall_time_max = cell.wall_time_max;
  PythonAnswer answer;
  FLYWHEEL_TRY(answer.ended, bench.run(command));
  Json written;
  if (answer.ended.end != BenchEnd::gone) {
    // A cell that ended the process itself, or was stopped, leaves no answer: its output is all.
    const auto text = bench.get_file(path, cell.answer_bytes_max);
    if (!text && text.error().failure == Failure::resource_exhausted)
      written = Json{{"results", Json::array({{{"text", "[results too large to come back]"}}})}};
    if (text)
      if (auto json = parse_json(*text, "the cell's answer")) written = std::move(*json);
  }
  answer.execution = checked(written);
  answer.execution["logs"] = {{"stdout", lines_of(answer.ended.output)},
                              {"stderr", lines_of(answer.ended.error_output)}};
  answer.execution["execution_count"] = cell.execution_count;
  return answer;
}

std::vector<ToolFile> pictures_of(const Json& execution) {
  std::vector<ToolFile> pictures;
  int number = 0;
  for (const Json& result : execution.at("results")) {
    const auto png = result.find("png");
    const auto svg = result.find("svg");
    if (png == result.end() && svg == result.end()) continue;
    ++number;
    if (png != result.end() && png->is_string())
      if (auto bytes = decode_base64(png->get_ref<const std::string&>()))
        pictures.push_back({fmt::format("plot_{}.png", number), "image/png", std::move(*bytes)});
    if (svg != result.end() && svg->is_string())
      pictures.push_back(
          {fmt::format("plot_{}.svg", number), "image/svg+xml", svg->get<std::string>()});
  }
  return pictures;
}

}  // namespace flywheel
