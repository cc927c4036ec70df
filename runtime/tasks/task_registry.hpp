// The task families by name; to add one, write its file and add its row in task_registry.cpp.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "runtime/base/result.hpp"
#include "runtime/tasks/task_family.hpp"

namespace flywheel {

// All families, sorted by name. They live as long as the program.
std::span<const TaskFamily* const> task_families();

// The family that a spec asks for by name and task.parameters. It lives as long as the program
// where there are no parameters.
Result<std::shared_ptr<const TaskFamily>> open_task_family(std::string_view name,
                                                           const Json& parameters);

// not_found names the families that there are.
Result<const TaskFamily*> find_task_family(std::string_view name);

}  // namespace flywheel
