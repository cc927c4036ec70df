#include "runtime/synthesis/script_runner.hpp"

#include <fmt/format.h>

#include "runtime/base/file.hpp"
#include "runtime/synthesis/python_files.hpp"
#include "runtime/synthesis/repository_tree.hpp"

namespace flywheel {
namespace {

namespace fs = std::filesystem;

constexpr const char* scripts_folder = "/task/scripts";
constexpr const char* request_path = "request.json";
constexpr const char* answer_path = "answer.json";
constexpr std::size_t answer_bytes_max = 256U << 20;

SandboxLimits analysis_limits() {
  SandboxLimits limits;
  limits.memory_bytes = 3ULL << 30;
  limits.process_count = 256;
  limits.disk_bytes = 1ULL << 30;
  return limits;
}

// unavailable: the machine broke, not what ran on it.
Failure failure_of(ExecEnd end) {
  switch (end) {
    case ExecEnd::wall_timeout:
    case ExecEnd::silence_timeout:
      return Failure::deadline_exceeded;
    case ExecEnd::exited:
    case ExecEnd::signalled:
    case ExecEnd::out_of_memory:
      return Failure::internal;
    case ExecEnd::cancelled:
    case ExecEnd::not_started:
    case ExecEnd::container_gone:
      break;
  }
  return Failure::unavailable;
}

std::string tail(const std::string& text) {
  return text.substr(text.size() > 400 ? text.size() - 400 : 0);
}

Result<Json> read_answer(Container& container, const std::string& script) {
  std::string text;
  while (text.size() < answer_bytes_max) {
    FLYWHEEL_TRY(const auto part, container.get_file(answer_path, text.size(), 32U << 20));
    if (part.empty()) break;
    text += part;
  }
  auto parsed = parse_json(text, script);
  if (!parsed) return fail(Failure::internal, parsed.error().message);
  Json answer = std::move(*parsed);
  if (answer.contains("refused")) {
    const auto detail = answer.value("detail", std::string{});
    return fail(Failure::invalid_input,
                answer["refused"].get<std::string>() + (detail.empty() ? "" : ": " + detail));
  }
  if (answer.contains("broken"))
    return fail(Failure::internal, script + ": " + tail(answer["broken"].get<std::string>()));
  return answer;
}

}  // namespace

Result<ScriptRunner> ScriptRunner::make(SandboxHost& host, const fs::path& work_folder,
                                        const fs::path& site) {
  std::error_code code;
  if (!fs::is_directory(site / "_pytest", code))
    return fail(Failure::not_found, site.string() +
                                        " holds no pytest; run the experiment's setup, or give "
                                        "another folder by --site");
  const fs::path scripts = fs::absolute(work_folder) / "scripts";
  for (const PythonFile& file : python_files())
    FLYWHEEL_TRY_VOID(write_file_durably(scripts / file.name, file.text));
  FLYWHEEL_TRY(const auto stamp, hash_of_source(site));
  return ScriptRunner{host, scripts, fs::absolute(site), to_string(stamp)};
}

Result<Json> ScriptRunner::run(const ScriptCall& call) const {
  SandboxSpec spec;
  spec.limits = analysis_limits();
  spec.env = {"PYTHONHASHSEED=" + std::to_string(call.hash_seed), "LC_ALL=C.UTF-8", "TZ=UTC"};
  spec.binds = {{scripts_.string(), scripts_folder}, {site_.string(), site_folder}};
  if (!call.tree.empty()) spec.binds.push_back({call.tree, repository_folder});
  if (!call.archive.empty()) spec.binds.push_back({call.archive, archive_path});
  FLYWHEEL_TRY(const auto container, host_->create(spec));
  Json request = call.request;
  request["root"] = repository_folder;
  request["site"] = site_folder;
  FLYWHEEL_TRY_VOID(container->put_file(request_path, dump_json(request)));
  ExecSpec exec;
  exec.command = {
      "/usr/bin/python3", "-S",       "-s", "-B", fmt::format("{}/{}", scripts_folder, call.script),
      request_path,       answer_path};
  exec.wall_time_max = call.time_max;
  FLYWHEEL_TRY(const auto result, container->run(exec));
  if (result.end != ExecEnd::exited || result.exit_code != 0)
    return fail(failure_of(result.end),
                fmt::format("{} ended with {} {}: {} {}", call.script, to_string(result.end),
                            result.exit_code, result.error, tail(result.error_output)));
  FLYWHEEL_TRY(Json answer, read_answer(*container, call.script));
  if (call.collect) FLYWHEEL_TRY_VOID(call.collect(*container, answer));
  container->kill(ContainerState::killed, "answered");
  return answer;
}

}  // namespace flywheel
