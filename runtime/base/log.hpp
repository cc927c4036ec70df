// The log: one line an event, level, time; warnings and worse also go to stderr.
#pragma once

#include <string>

#include <spdlog/spdlog.h>

#include "runtime/base/result.hpp"

namespace flywheel {

// Sends the log to stderr: standard output is for what was asked for. Warnings and worse.
void log_to_stderr();

// Sends the process's log to `path` (appended), and what is a warning or worse to stderr too.
Result<> log_to_file(const std::string& path);

template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  spdlog::info(format, std::forward<Args>(args)...);
}
template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  spdlog::warn(format, std::forward<Args>(args)...);
}
template <class... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
  spdlog::error(format, std::forward<Args>(args)...);
}

}  // namespace flywheel
