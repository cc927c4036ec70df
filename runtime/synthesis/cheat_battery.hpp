// The cheats that no task may reward: function bodies that try everything but doing the work.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/json.hpp"

namespace flywheel {

struct Cheat {
  std::string_view name{};
  std::string body{};  // statements at column 0
};

// What a cheat may know of its task: what a solver can see.
struct CheatTarget {
  std::string qualname{};
  std::string first_parameter{};  // or "None"
  Json example_input{};           // of the one golden pair that solvers are shown
  Json example_outcome{};
};

std::vector<Cheat> cheat_battery(const CheatTarget& target);

}  // namespace flywheel
