// Task is one request to put to the model: which family it is of, and the parameters that its
// simulated user and its grader read.
#pragma once

#include <string>

#include "runtime/base/id.hpp"
#include "runtime/base/json.hpp"

namespace flywheel {

struct Task {
  TaskId id{};
  std::string family{};  // a name in the task registry, for example "structured_requests"
  std::string split{};   // "train", "held_out" or "hand_written"
  Json parameters{};     // the family's own; never shown to the model as they are
};

}  // namespace flywheel
