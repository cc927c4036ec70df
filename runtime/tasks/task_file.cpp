#include "runtime/tasks/task_file.hpp"

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include <fmt/format.h>

#include "runtime/tasks/task_registry.hpp"

namespace flywheel {
namespace {

Result<Task> parse_line(std::string_view line, const std::string& where) {
  FLYWHEEL_TRY(const Json object, parse_json(line, where));
  FLYWHEEL_TRY(const std::string family_name, json_field<std::string>(object, "family", where));
  FLYWHEEL_TRY(Json parameters, json_field<Json>(object, "parameters", where));
  for (const auto& [key, value] : object.items())
    if (key != "family" && key != "parameters")
      return fail(Failure::invalid_input, fmt::format("{}: unknown field '{}'", where, key));
  const auto in_file = [&](const Error& error) {
    return fail(Failure::invalid_input, fmt::format("{}: {}", where, error.message));
  };
  const auto family = find_task_family(family_name);
  if (!family) return in_file(family.error());
  const auto checked = (*family)->check(parameters);
  if (!checked) return in_file(checked.error());
  Task task;
  task.id = content_task_id(family_name, parameters);
  task.family = family_name;
  task.split = split_hand_written;
  task.parameters = std::move(parameters);
  return task;
}

}  // namespace

Result<std::vector<Task>> parse_task_lines(std::string_view text, std::string_view where) {
  std::vector<Task> tasks;
  std::map<TaskId, std::size_t> line_of_task;
  std::size_t line_number = 0;
  while (!text.empty()) {
    ++line_number;
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string place = fmt::format("{}:{}", where, line_number);
    FLYWHEEL_TRY(Task task, parse_line(line, place));
    const auto [earlier, is_new] = line_of_task.emplace(task.id, line_number);
    if (!is_new)
      return fail(Failure::invalid_input,
                  fmt::format("{}: the same task as in line {}", place, earlier->second));
    tasks.push_back(std::move(task));
  }
  if (tasks.empty())
    return fail(Failure::invalid_input, fmt::format("{}: there is no task in it", where));
  return tasks;
}

Result<std::vector<Task>> load_task_file(const std::string& path) {
  std::error_code code;
  const auto size_bytes = std::filesystem::file_size(path, code);
  if (code)
    return fail(Failure::not_found, fmt::format("{}: can't read it: {}", path, code.message()));
  if (size_bytes > task_file_bytes_max)
    return fail(Failure::invalid_input, fmt::format("{}: {} bytes, more than the {} that a file of "
                                                    "tasks may have",
                                                    path, size_bytes, task_file_bytes_max));
  std::ifstream file{path, std::ios::binary};
  std::stringstream text;
  text << file.rdbuf();
  if (!file) return fail(Failure::not_found, fmt::format("{}: can't read it", path));
  return parse_task_lines(text.view(), path);
}

}  // namespace flywheel
