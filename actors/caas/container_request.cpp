#include "actors/caas/container_request.hpp"

#include <fmt/format.h>

#include "actors/caas/body_fields.hpp"
#include "runtime/base/base64.hpp"

namespace flywheel {
namespace {

constexpr std::size_t path_bytes_max = 4096;
constexpr std::size_t command_parts_max = 1024;
constexpr std::size_t command_bytes_max = 128 * 1024;  // what the kernel takes of one argument
constexpr std::size_t input_bytes_max = 4 << 20;
constexpr std::size_t files_max = 256;
constexpr std::uint64_t day_ms = 24ULL * 3600 * 1000;
constexpr std::uint64_t life_ms_max = 7 * day_ms;

void read_limits(BodyFields& fields, SandboxLimits& limits) {
  const Json* body = fields.find("limits");
  if (body == nullptr) return;
  BodyFields each{*body, "limits"};
  limits.cpu_ms_per_s =
      static_cast<std::uint32_t>(each.number("cpu_ms_per_s", limits.cpu_ms_per_s, 10, 1'000'000));
  limits.memory_bytes = each.number("memory_bytes", limits.memory_bytes, 4 << 20, 1ULL << 40);
  limits.process_count =
      static_cast<std::uint32_t>(each.number("process_count", limits.process_count, 2, 32768));
  limits.disk_bytes = each.number("disk_bytes", limits.disk_bytes, 64 << 10, 1ULL << 40);
  limits.file_count =
      static_cast<std::uint32_t>(each.number("file_count", limits.file_count, 16, 10'000'000));
  limits.open_file_count =
      static_cast<std::uint32_t>(each.number("open_file_count", limits.open_file_count, 16, 65536));
  if (auto outcome = each.finish(); !outcome) fields.refuse("limits", outcome.error().message);
}

void read_network(BodyFields& fields, SandboxSpec& sandbox) {
  const std::string network = fields.text("network", "disabled", 32);
  if (network == "loopback")
    sandbox.network = SandboxNetwork::loopback;
  else if (network != "disabled")
    fields.refuse("network", "is 'disabled' or 'loopback': containers reach nothing outside");
}

// OpenAI's names for what we have, and refusals of what we do not.
void read_openai(BodyFields& fields, ContainerRequest& request) {
  if (const Json* expiry = fields.find("expires_after")) {
    BodyFields each{*expiry, "expires_after"};
    if (each.text("anchor", "last_active_at", 32) != "last_active_at")
      each.refuse("anchor", "is 'last_active_at'");
    request.idle_ms = each.number("minutes", 20, 1, life_ms_max / 60'000) * 60'000;
    if (auto outcome = each.finish(); !outcome)
      fields.refuse("expires_after", outcome.error().message);
  }
  const std::string memory = fields.text("memory_limit", "", 8);
  if (memory == "1g" || memory == "4g" || memory == "16g" || memory == "64g")
    request.sandbox.limits.memory_bytes = std::stoull(memory) << 30;
  else if (!memory.empty())
    fields.refuse("memory_limit", "is 1g, 4g, 16g or 64g");
  if (const Json* policy = fields.find("network_policy");
      policy != nullptr && (!policy->is_object() || policy->value("type", Json{}) != "disabled"))
    fields.refuse("network_policy",
                  "can only be {\"type\": \"disabled\"}: no container reaches "
                  "the network");
  for (const char* name : {"file_ids", "skills"})
    if (const Json* list = fields.find(name);
        list != nullptr && !(list->is_array() && list->empty()))
      fields.refuse(name, "is not served: put files with PUT /v1/containers/ID/files?path=");
}

void read_metadata(BodyFields& fields, ContainerRequest& request) {
  const Json* metadata = fields.find("metadata");
  if (metadata == nullptr) return;
  bool is_fine = metadata->is_object() && metadata->size() <= 16;
  if (is_fine)
    for (const auto& [name, value] : metadata->items())
      is_fine = is_fine && name.size() <= 64 && value.is_string() &&
                value.get_ref<const std::string&>().size() <= 512;
  if (!is_fine) return fields.refuse("metadata", "must map at most 16 names to texts of 512 bytes");
  request.metadata = *metadata;
}

void read_files(BodyFields& fields, ContainerRequest& request) {
  const Json* files = fields.find("files");
  if (files == nullptr) return;
  if (!files->is_array() || files->size() > files_max)
    return fields.refuse("files", fmt::format("must be a list of at most {} files", files_max));
  for (const Json& file : *files) {
    BodyFields each{file, "files"};
    FileUpload upload{.path = each.text("path", "", path_bytes_max)};
    if (upload.path.empty()) each.refuse("path", "is missing");
    upload.bytes = each.text("text", "", SIZE_MAX);
    if (auto bytes = decode_base64(each.text("base64", "", SIZE_MAX)); !bytes)
      each.refuse("base64", bytes.error().message);
    else if (!bytes->empty())
      upload.bytes = std::move(*bytes);
    upload.mode = static_cast<std::uint32_t>(each.number("mode", 0644, 0, 0777));
    if (auto outcome = each.finish(); !outcome)
      return fields.refuse("files", outcome.error().message);
    request.files.push_back(std::move(upload));
  }
}

std::vector<std::string> read_command(BodyFields& fields) {
  std::vector<std::string> command;
  const Json* value = fields.find("command");
  if (value != nullptr && value->is_string())
    command = {"/bin/sh", "-c", value->get<std::string>()};
  else
    command = fields.texts("command", command_parts_max);
  std::size_t size_bytes = 0;
  for (const std::string& part : command) {
    size_bytes += part.size() + 1;
    if (part.size() > command_bytes_max)
      fields.refuse("command", fmt::format("has a part of more than {} bytes: send it as stdin or "
                                           "as a file",
                                           command_bytes_max));
    if (part.find('\0') != std::string::npos) fields.refuse("command", "holds a NUL");
  }
  if (size_bytes > command_bytes_max + 4096)  // the init takes no more at once
    fields.refuse("command", fmt::format("has more than {} bytes: send them as stdin or as a file",
                                         command_bytes_max));
  if (!command.empty() && command[0].empty()) fields.refuse("command", "names no program");
  return command;
}

}  // namespace

Json ContainerRequest::spec_json() const {
  const SandboxLimits& limits = sandbox.limits;
  return {{"image", sandbox.image},
          {"snapshot", sandbox.snapshot},
          {"env", sandbox.env},
          {"cwd", sandbox.working_folder},
          {"limits",
           {{"cpu_ms_per_s", limits.cpu_ms_per_s},
            {"memory_bytes", limits.memory_bytes},
            {"process_count", limits.process_count},
            {"disk_bytes", limits.disk_bytes},
            {"file_count", limits.file_count},
            {"open_file_count", limits.open_file_count}}},
          {"network", sandbox.network == SandboxNetwork::loopback ? "loopback" : "disabled"},
          {"metadata", metadata},
          {"command", command}};
}

Result<ContainerRequest> parse_container_request(const Json& body) {
  BodyFields fields{body, "request body"};
  ContainerRequest request;
  request.name = fields.text("name", "", 256);
  request.sandbox.image = fields.text("image", "host", 256);
  request.sandbox.snapshot = fields.text("snapshot", "", 256);
  request.sandbox.env = fields.environment("env");
  request.sandbox.working_folder = fields.text("cwd", "/work", path_bytes_max);
  if (!request.sandbox.working_folder.starts_with('/'))
    fields.refuse("cwd", "must be an absolute path");
  read_openai(fields, request);
  read_limits(fields, request.sandbox.limits);
  read_network(fields, request.sandbox);
  read_metadata(fields, request);
  read_files(fields, request);
  request.command = read_command(fields);
  request.count = static_cast<std::uint32_t>(fields.number("n", 1, 1, 256));
  request.idle_ms = fields.number("idle_s", request.idle_ms / 1000, 0, life_ms_max / 1000) * 1000;
  request.ttl_ms = fields.number("ttl_s", request.ttl_ms / 1000, 0, life_ms_max / 1000) * 1000;
  FLYWHEEL_TRY_VOID(fields.finish());
  return request;
}

Result<> check_ceilings(const SandboxLimits& asked, std::uint64_t memory_bytes_max,
                        std::uint64_t disk_bytes_max) {
  const auto over = [](const char* name, std::uint64_t bytes, std::uint64_t most) {
    return fail(Failure::invalid_input,
                fmt::format("request body: field 'limits.{}' asks for {} bytes, and the ceiling of "
                            "this service is {}",
                            name, bytes, most));
  };
  if (asked.memory_bytes > memory_bytes_max)
    return over("memory_bytes", asked.memory_bytes, memory_bytes_max);
  if (asked.disk_bytes > disk_bytes_max)
    return over("disk_bytes", asked.disk_bytes, disk_bytes_max);
  return {};
}

Result<ContainerRequest> parse_recorded_spec(Json spec) {
  for (const char* name : {"replayed", "replays", "forked_from"}) spec.erase(name);
  return parse_container_request(spec);
}

Json ExecRequest::logged_json() const {
  return {{"command", spec.command},
          {"stdin", spec.input},
          {"env", spec.env},
          {"cwd", spec.working_folder},
          {"zygote", spec.uses_zygote},
          {"timeout_ms", spec.wall_time_max.count()},
          {"no_output_timeout_ms", spec.silence_max.count()},
          {"max_output_bytes", spec.output_bytes_max}};
}

Result<ExecRequest> parse_exec_request(const Json& body) {
  BodyFields fields{body, "request body"};
  ExecRequest request;
  ExecSpec& spec = request.spec;
  spec.command = read_command(fields);
  const std::string python = fields.text("python", "", command_bytes_max);
  if (!python.empty()) {
    if (!spec.command.empty()) fields.refuse("python", "and 'command' exclude each other");
    spec.command = {"python3", "-c", python};
    spec.uses_zygote = true;
  }
  if (spec.command.empty()) fields.refuse("command", "is missing: a text for the shell, or a list");
  spec.input = fields.text("stdin", "", input_bytes_max);
  if (auto bytes = decode_base64(fields.text("stdin_base64", "", 2 * input_bytes_max)); !bytes)
    fields.refuse("stdin_base64", bytes.error().message);
  else if (!bytes->empty())
    spec.input = std::move(*bytes);
  spec.keeps_input_open = fields.flag("stdin_open", false);
  spec.env = fields.environment("env");
  spec.working_folder = fields.text("cwd", "", path_bytes_max);
  spec.wall_time_max = std::chrono::milliseconds{fields.number("timeout_ms", 30'000, 1, day_ms)};
  spec.silence_max = std::chrono::milliseconds{fields.number("no_output_timeout_ms", 0, 0, day_ms)};
  spec.output_bytes_max = fields.number("max_output_bytes", 256 << 10, 0, 8 << 20);
  request.is_detached = fields.flag("detach", false);
  request.is_streamed = fields.flag("stream", false);
  if (request.is_detached && request.is_streamed)
    fields.refuse("stream", "and 'detach' exclude each other");
  if (spec.keeps_input_open && !request.is_detached && !request.is_streamed)
    fields.refuse("stdin_open", "needs 'detach' or 'stream': else nobody can send input");
  const std::string encoding = fields.text("encoding", "text", 16);
  if (encoding != "text" && encoding != "base64") fields.refuse("encoding", "is text or base64");
  request.wants_base64 = encoding == "base64";
  FLYWHEEL_TRY_VOID(fields.finish());
  return request;
}

bool is_same_command(const Json& logged, const Json& asked) {
  if (!logged.is_object() || !asked.is_object()) return false;
  for (const auto& [name, value] : asked.items()) {
    if (name.ends_with("_ms") || name == "max_output_bytes") continue;
    const auto found = logged.find(name);
    if (found == logged.end() || *found != value) return false;
  }
  return true;
}

}  // namespace flywheel
