// repo_functions: "the function F of module M has lost its body, write it again". The tasks are the
// instances that `flywheel synth repo-functions` made; the model sees the repository, read-only and
// with that body blank, and may try things with `python` and `shell`.
//
// The user files the request and answers one question: an answer without code that asks something
// gets one more golden pair as an example; the next answer ends the conversation.
//
// task.parameters: {"instances_file": "....jsonl", "trees_folder": "..."}. A task's own parameters:
// {"instance": the instance's line, "tree": the repository's folder}.
#pragma once

#include <string>

#include "runtime/tasks/task_family.hpp"

namespace flywheel {

struct RepoFunctionTask {
  Json instance{};     // keys as runtime/synthesis/repo_functions.hpp writes them
  std::string tree{};  // host folder with the unchanged repository
};

Result<RepoFunctionTask> parse_repo_function_task(const Json& parameters);

const TaskFamily& repo_functions();

}  // namespace flywheel
