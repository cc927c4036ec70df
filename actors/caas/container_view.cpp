#include "actors/caas/container_view.hpp"

#include <algorithm>
#include <array>

#include "runtime/base/base64.hpp"

namespace flywheel {
namespace {

constexpr std::string_view file_prefix = "cfile_";

double milliseconds(std::chrono::microseconds time) {
  return static_cast<double>(time.count()) / 1000.0;
}

const char* kind_name(FileKind kind) {
  switch (kind) {
    case FileKind::file:
      return "file";
    case FileKind::folder:
      return "folder";
    case FileKind::link:
      return "link";
    case FileKind::other:
      return "other";
  }
  return "other";
}

Json seconds_or_null(std::uint64_t at_ms) {
  return at_ms == 0 ? Json() : Json(at_ms / 1000);
}

void put_memory_limit(Json& json, std::uint64_t bytes) {
  for (const std::uint64_t gib : {1U, 4U, 16U, 64U})
    if (bytes == gib << 30) json["memory_limit"] = std::to_string(gib) + "g";
}

}  // namespace

Json container_json(const ContainerRecord& record) {
  Json json{{"id", to_string(record.id)},
            {"object", "container"},
            {"name", record.name},
            {"created_at", record.created_ms / 1000},
            {"last_active_at", record.active_ms / 1000},
            {"status", to_string(record.state)},
            {"state", to_string(record.state)},
            {"owner", record.owner},
            {"expires_at", seconds_or_null(record.expires_ms)},
            {"ended_at", seconds_or_null(record.ended_ms)},
            {"reason", record.reason.empty() ? Json() : Json(record.reason)},
            {"message", record.message.empty() ? Json() : Json(record.message)},
            {"exit_code", Json()},
            {"signal", Json()}};
  if (record.idle_ms > 0)
    json["expires_after"] = {{"anchor", "last_active_at"}, {"minutes", record.idle_ms / 60'000}};
  if (record.state == ContainerState::exited)
    json[record.signal == 0 ? "exit_code" : "signal"] =
        record.signal == 0 ? record.exit_code : record.signal;
  if (!record.spec.is_object()) return json;
  for (const auto& [name, value] : record.spec.items()) json[name] = value;
  json["network_policy"] = {{"type", "disabled"}};
  if (record.spec.contains("limits"))
    put_memory_limit(json, record.spec["limits"].value("memory_bytes", std::uint64_t{0}));
  return json;
}

Json exec_outcome_json(const ExecResult& result) {
  return {{"state", "ended"},
          {"end", to_string(result.end)},
          {"exit_code", result.exit_code < 0 ? Json() : Json(result.exit_code)},
          {"signal", result.signal == 0 ? Json() : Json(result.signal)},
          {"stdout_bytes", result.output_bytes},
          {"stderr_bytes", result.error_bytes},
          {"truncated", result.is_truncated},
          {"wall_ms", milliseconds(result.wall_time)},
          {"cpu_ms", milliseconds(result.cpu_time)},
          {"memory_bytes_max", result.memory_bytes_max},
          {"error", result.error.empty() ? Json() : Json(result.error)}};
}

void put_bytes(Json& object, const std::string& name, std::string_view bytes, bool wants_base64) {
  if (wants_base64)
    object[name + "_base64"] = encode_base64(bytes);
  else
    object[name] = bytes;
}

Json exec_json(const ExecResult& result, bool wants_base64) {
  Json json = exec_outcome_json(result);
  put_bytes(json, "stdout", result.output, wants_base64);
  put_bytes(json, "stderr", result.error_output, wants_base64);
  return json;
}

Json logged_result(const ExecResult& result) {
  return exec_json(result, false);
}

Json logged_refusal(const Error& error) {
  return {{"error", error.message}, {"failure", to_string(error.failure)}};
}

bool is_refusal(const Json& logged) {
  return logged.contains("error") && !logged.contains("end");
}

Error error_of_logged(const Json& logged) {
  Error error{Failure::invalid_argument, logged.value("error", std::string{})};
  const std::string name = logged.value("failure", std::string{});
  for (int each = 0; each <= static_cast<int>(Failure::internal); ++each)
    if (name == to_string(static_cast<Failure>(each))) error.failure = static_cast<Failure>(each);
  return error;
}

Json exec_json_of_logged(const Json& logged, bool wants_base64) {
  Json json = logged;
  if (!wants_base64) return json;
  for (const char* name : {"stdout", "stderr"}) {
    if (!json.contains(name)) continue;
    const auto bytes = json[name].get<std::string>();
    json.erase(name);
    put_bytes(json, name, bytes, true);
  }
  return json;
}

ExecResult result_of_logged(const Json& logged) {
  ExecResult result;
  const auto text = [&](const char* name) {
    const auto found = logged.find(name);
    return found != logged.end() && found->is_string() ? found->get<std::string>() : std::string{};
  };
  const auto number = [&](const char* name) {
    const auto found = logged.find(name);
    return found != logged.end() && found->is_number() ? found->get<double>() : -1.0;
  };
  result.end = ExecEnd::not_started;
  for (int each = 0; each <= static_cast<int>(ExecEnd::container_gone); ++each)
    if (text("end") == to_string(static_cast<ExecEnd>(each)))
      result.end = static_cast<ExecEnd>(each);
  result.exit_code = static_cast<int>(number("exit_code"));
  result.signal = std::max(0, static_cast<int>(number("signal")));
  result.output = text("stdout");
  result.error_output = text("stderr");
  result.output_bytes = static_cast<std::uint64_t>(std::max(0.0, number("stdout_bytes")));
  result.error_bytes = static_cast<std::uint64_t>(std::max(0.0, number("stderr_bytes")));
  result.is_truncated = logged.value("truncated", false);
  result.wall_time =
      std::chrono::microseconds{static_cast<std::int64_t>(1000 * std::max(0.0, number("wall_ms")))};
  result.cpu_time =
      std::chrono::microseconds{static_cast<std::int64_t>(1000 * std::max(0.0, number("cpu_ms")))};
  result.memory_bytes_max = static_cast<std::uint64_t>(std::max(0.0, number("memory_bytes_max")));
  result.error = text("error");
  return result;
}

Json stats_json(const ContainerStats& stats) {
  return {{"cpu_ms", milliseconds(stats.cpu_time)},
          {"memory_bytes", stats.memory_bytes},
          {"memory_bytes_max", stats.memory_bytes_max},
          {"process_count", stats.process_count},
          {"disk_bytes", stats.disk_bytes},
          {"file_count", stats.file_count},
          {"oom_kill_count", stats.oom_kill_count}};
}

Json file_json(const FileEntry& entry, std::string_view folder) {
  const bool ends_in_slash = folder.ends_with('/');
  return {{"path", std::string{folder} + (ends_in_slash ? "" : "/") + entry.name},
          {"name", entry.name},
          {"kind", kind_name(entry.kind)},
          {"bytes", entry.size_bytes},
          {"mode", entry.mode},
          {"changed_ms", entry.changed_ms}};
}

std::size_t complete_utf8_size(std::string_view bytes) {
  // Back to the last byte that begins a character; if its character is longer than what is there,
  // it waits.
  for (std::size_t back = 1; back <= 3 && back <= bytes.size(); ++back) {
    const auto byte = static_cast<unsigned char>(bytes[bytes.size() - back]);
    if ((byte & 0xC0U) == 0x80U) continue;
    const std::size_t length = byte >= 0xF0U ? 4 : byte >= 0xE0U ? 3 : byte >= 0xC0U ? 2 : 1;
    return length > back ? bytes.size() - back : bytes.size();
  }
  return bytes.size();
}

// The id is the path in base 64 with the two letters that a URL would need to escape replaced.
std::string container_file_id(std::string_view path) {
  std::string text = encode_base64(path);
  while (text.ends_with('=')) text.pop_back();
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return std::string{file_prefix} + text;
}

Result<std::string> path_of_file_id(std::string_view id) {
  const auto unknown = [&] {
    return fail(Failure::not_found, "there is no file " + std::string{id.substr(0, 80)});
  };
  if (!id.starts_with(file_prefix)) return unknown();
  std::string text{id.substr(file_prefix.size())};
  for (char& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
  while (text.size() % 4 != 0) text += '=';
  auto path = decode_base64(text);
  if (!path || path->empty() || path->find('\0') != std::string::npos) return unknown();
  return path;
}

Json openai_file_json(ContainerId container, std::string_view path, const FileEntry& entry) {
  return {{"id", container_file_id(path)},
          {"object", "container.file"},
          {"container_id", to_string(container)},
          {"created_at", entry.changed_ms / 1000},
          {"bytes", entry.size_bytes},
          {"path", path},
          {"source", "user"}};
}

}  // namespace flywheel
