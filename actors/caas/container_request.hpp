// What a client may ask of a container, read from the bodies of requests: our own fields and those
// of OpenAI's /v1/containers, in one resource.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base/json.hpp"
#include "runtime/sandbox/exec.hpp"
#include "runtime/sandbox/sandbox_spec.hpp"

namespace flywheel {

struct FileUpload {
  std::string path{};
  std::string bytes{};
  std::uint32_t mode = 0644;
};

struct ContainerRequest {
  std::string name{};
  SandboxSpec sandbox{};
  std::vector<std::string> command{};  // the main one: its end is the container's; empty = none
  std::vector<FileUpload> files{};     // put before the main command starts
  std::uint32_t count = 1;
  std::uint64_t idle_ms = 20 * 60'000;      // 0 = never
  std::uint64_t ttl_ms = 24ULL * 3600'000;  // 0 = never
  Json metadata = Json::object();           // texts by name: labels to list by

  // The body again, with the defaults filled in and without files: what is kept of it.
  Json spec_json() const;
};

// invalid_input names the field.
Result<ContainerRequest> parse_container_request(const Json& body);

// What the operator lets a client ask for; invalid_input names the ceiling.
Result<> check_ceilings(const SandboxLimits& asked, std::uint64_t memory_bytes_max,
                        std::uint64_t disk_bytes_max);

// The same from what was kept of it, whatever was noted there since.
Result<ContainerRequest> parse_recorded_spec(Json spec);

struct ExecRequest {
  ExecSpec spec{};
  bool is_detached = false;
  bool is_streamed = false;   // server-sent events
  bool wants_base64 = false;  // of output in the answer; else text, with what is no UTF-8 replaced

  Json logged_json() const;  // what runs, for the trajectory
  // Its kind there: what is sent to an open input is not kept, so that nobody can run it again.
  const char* logged_kind() const { return spec.keeps_input_open ? "exec_open" : "exec"; }
};

Result<ExecRequest> parse_exec_request(const Json& body);

// Whether two logged commands are the same work, whatever bounds they were given.
bool is_same_command(const Json& logged, const Json& asked);

}  // namespace flywheel
