#include "runtime/grading/grader_registry.hpp"

#include <array>

#include "runtime/grading/cited_answer_grader.hpp"
#include "runtime/grading/one_line_function_grader.hpp"
#include "runtime/grading/repo_function_grader.hpp"
#include "runtime/grading/short_answer_grader.hpp"
#include "runtime/grading/structured_list_grader.hpp"

namespace flywheel {

std::span<const Grader* const> graders() {
  static const std::array<const Grader*, 5> all = {
      &cited_answer_grader(), &one_line_function_grader(), &repo_function_grader(),
      &short_answer_grader(), &structured_list_grader(),
  };
  return all;
}

Result<const Grader*> find_grader(std::string_view name) {
  std::string known;
  for (const Grader* grader : graders()) {
    const std::string_view full = grader->name();
    if (full == name || full.substr(0, full.find('/')) == name) return grader;
    known += (known.empty() ? "" : ", ") + std::string{full};
  }
  return fail(Failure::not_found,
              "there is no grader '" + std::string{name} + "'; there are: " + known);
}

}  // namespace flywheel
