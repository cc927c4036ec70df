// Tasks written by hand: a JSONL file, one task a line.
//
//   {"family": "structured_requests", "parameters": {"persona": "polite", ...}}
//
// Blank lines are skipped. The id of a task is a function of what it says, so it stays the same
// when lines around it change; the same task twice is an error.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/base/task.hpp"

namespace flywheel {

inline constexpr std::size_t task_file_bytes_max = 64 * 1024 * 1024;

// All tasks of the file, split "hand_written". Every error is invalid_input (not_found where the
// file can't be read) and names the file and, where there is one, the line: "tasks.jsonl:7: ...".
Result<std::vector<Task>> load_task_file(const std::string& path);

// The same from text; `where` names it in errors.
Result<std::vector<Task>> parse_task_lines(std::string_view text, std::string_view where);

}  // namespace flywheel
