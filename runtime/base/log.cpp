#include "runtime/base/log.hpp"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>

namespace flywheel {

void log_to_stderr() {
  auto console = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  console->set_level(spdlog::level::warn);
  console->set_pattern("%^%l%$: %v");
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("flywheel", std::move(console)));
}

Result<> log_to_file(const std::string& path) {
  try {
    auto file = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path);
    auto console = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
    console->set_level(spdlog::level::warn);
    console->set_pattern("%^%l%$: %v");
    auto logger =
        std::make_shared<spdlog::logger>("flywheel", spdlog::sinks_init_list{file, console});
    logger->flush_on(spdlog::level::info);
    spdlog::set_default_logger(std::move(logger));
  } catch (const spdlog::spdlog_ex& error) {
    return fail(Failure::unavailable, "log " + path + ": " + error.what());
  }
  return {};
}

}  // namespace flywheel
