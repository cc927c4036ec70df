// repo_functions: "the function F of module M has lost its body, write it again". The tasks are the
// instances that `flywheel synth repo-functions` made; the model sees the repository, read-only and
// with that body blank, and may try things with `python` and `shell`.
//
// The user files the request and answers one question: an answer without code that asks something
// gets one more golden pair as an example; the next answer ends the conversation.
//
// task.parameters: {"instances_file": "...", "trees_folder": "...", "site_folder": "...",
// "shows_call": true}. site_folder holds pytest: with it an answer has to pass the hidden tests
// too; without it golden pairs decide alone, and instances on which the pairs that a solver is
// shown would decide are left out. With shows_call the user first spells out a tool call for the
// model to repeat, which prints the head of the file, and no system message states the tools: a
// small model that never saw a tool call makes none by itself. A task's own parameters:
// {"instance": the instance's line, "tree": the repository's folder, "site": the folder with pytest
// or absent, "shows_call": true or absent}.
#pragma once

#include <string>
#include <vector>

#include "runtime/tasks/task_family.hpp"

namespace flywheel {

struct RepoFunctionTask {
  Json instance{};                   // keys as runtime/synthesis/repo_functions.hpp writes them
  std::string tree{};                // host folder with the unchanged repository
  std::string site{};                // host folder with pytest; empty: no tests are run
  std::vector<std::string> tests{};  // FAIL_TO_PASS and PASS_TO_PASS
  bool shows_call = false;
};

Result<RepoFunctionTask> parse_repo_function_task(const Json& parameters);

const TaskFamily& repo_functions();

}  // namespace flywheel
