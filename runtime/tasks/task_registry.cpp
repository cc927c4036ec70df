#include "runtime/tasks/task_registry.hpp"

#include <array>

#include "runtime/tasks/cited_answers.hpp"
#include "runtime/tasks/one_line_functions.hpp"
#include "runtime/tasks/repo_functions.hpp"
#include "runtime/tasks/short_answers.hpp"
#include "runtime/tasks/structured_requests.hpp"

namespace flywheel {

std::span<const TaskFamily* const> task_families() {
  static const std::array<const TaskFamily*, 5> families = {
      &cited_answers(), &one_line_functions(),  &repo_functions(),
      &short_answers(), &structured_requests(),
  };
  return families;
}

Result<std::shared_ptr<const TaskFamily>> open_task_family(std::string_view name,
                                                           const Json& parameters) {
  FLYWHEEL_TRY(const TaskFamily* family, find_task_family(name));
  return family->with_parameters(parameters);
}

Result<const TaskFamily*> find_task_family(std::string_view name) {
  std::string known;
  for (const TaskFamily* family : task_families()) {
    if (family->name() == name) return family;
    known += (known.empty() ? "" : ", ") + std::string{family->name()};
  }
  return fail(Failure::not_found,
              "there is no task family '" + std::string{name} + "'; there are: " + known);
}

}  // namespace flywheel
