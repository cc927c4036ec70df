// A subcommand of the program: how it is spelled, and what it does. One file command_NAME.cpp each;
// a new one is added by its file and its row in command_table.cpp.
//
// Exit codes: 0 done, 1 the work failed or a gate refused, 2 bad usage or bad input, 3 interrupted
//             and resumable.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <CLI/App.hpp>

#include "runtime/base/result.hpp"

namespace flywheel {

inline constexpr int exit_done = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_bad_input = 2;
inline constexpr int exit_interrupted = 3;

// What every subcommand takes.
struct GlobalOptions {
  std::string home = ".flywheel";  // the workspace
  bool json = false;
};

struct Command {
  CLI::App* app = nullptr;
  std::function<Result<int>()> execute{};  // the exit code, or the one line that says why not
};

using AddCommand = Command (*)(CLI::App& program, const GlobalOptions& options);

// All subcommands, in the order in which help lists them.
std::vector<AddCommand> command_table();

// A subcommand with its purpose, and one example under its help.
CLI::App* add_subcommand(CLI::App& program, const std::string& name, const std::string& purpose,
                         const std::string& example);

}  // namespace flywheel
