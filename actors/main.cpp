// flywheel, the one program: parses the command line and runs the subcommand.
#include <cstdio>
#include <exception>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "actors/commands/command.hpp"
#include "runtime/base/log.hpp"

namespace {

int run(int argument_count, char** arguments) {
  flywheel::log_to_stderr();
  CLI::App program{"Flywheel: from what people do with a model to better checkpoints, and back.",
                   "flywheel"};
  program.require_subcommand(1);
  program.fallthrough();
  program.failure_message(CLI::FailureMessage::help);
  flywheel::GlobalOptions options;
  program.add_option("--home", options.home, "The workspace's folder")->capture_default_str();
  program.add_flag("--json", options.json, "One JSON document instead of text");
  std::vector<flywheel::Command> commands;
  for (const auto add : flywheel::command_table()) commands.push_back(add(program, options));
  try {
    program.parse(argument_count, arguments);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return program.exit(error);
    std::fprintf(stderr, "flywheel: %s (see flywheel --help)\n", error.what());
    return flywheel::exit_bad_input;
  }
  for (const auto& command : commands) {
    if (!command.app->parsed()) continue;
    const auto code = command.execute();
    if (code) return *code;
    std::fprintf(stderr, "flywheel: %s\n", code.error().message.c_str());
    return flywheel::exit_code_of(code.error().failure);
  }
  return flywheel::exit_bad_input;
}

}  // namespace

int main(int argument_count, char** arguments) {
  try {
    return run(argument_count, arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "flywheel: internal error: %s\n", error.what());
    return flywheel::exit_failed;
  }
}
