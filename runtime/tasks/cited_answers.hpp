// cited_answers: "what does the page X say? Quote a sentence of it and cite it": the model searches
// a web snapshot with the tool `browse` and answers with words that stand there.
//
// The tasks are made of the snapshot's own pages, which task.parameters names as `snapshot_file`
// (the same file as tools.snapshot); which split a page is of is a hash of its address.
// A task's parameters: {"url": "...", "title": "...", "say": "..."}.
#pragma once

#include <string>

#include "runtime/tasks/task_family.hpp"

namespace flywheel {

struct CitedRequest {
  std::string url{};
  std::string title{};
  std::string say{};
};

Result<CitedRequest> parse_cited_request(const Json& parameters);

const TaskFamily& cited_answers();

}  // namespace flywheel
