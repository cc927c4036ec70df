// Standard output of the subcommands.
#pragma once

#include <cstdio>
#include <string_view>

#include "runtime/base/json.hpp"

namespace flywheel {

inline void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

inline void print_json(const Json& json) {
  print(dump_json(json, 2) + "\n");
}

}  // namespace flywheel
