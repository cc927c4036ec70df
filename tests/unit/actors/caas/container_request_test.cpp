// What clients may ask: our fields, OpenAI's, and the refusals, each of which names its field.
#include "actors/caas/container_request.hpp"

#include <doctest/doctest.h>

using namespace flywheel;

namespace {

Result<ContainerRequest> container(const char* body) {
  return parse_container_request(Json::parse(body));
}

Result<ExecRequest> exec(const char* body) {
  return parse_exec_request(Json::parse(body));
}

void check_names(const Result<ContainerRequest>& refused, const char* field) {
  REQUIRE(!refused);
  CHECK(refused.error().failure == Failure::invalid_input);
  CHECK_MESSAGE(refused.error().message.find(field) != std::string::npos, refused.error().message);
}

}  // namespace

TEST_SUITE("actors/caas/container_request") {
  TEST_CASE("an empty body is a container with the defaults") {
    const auto request = container("{}");

    REQUIRE(request);
    CHECK(request->sandbox.image == "host");
    CHECK(request->sandbox.network == SandboxNetwork::none);
    CHECK(request->count == 1);
    CHECK(request->idle_ms == 20 * 60'000);
  }

  TEST_CASE("every field reaches what is made of it") {
    const auto request = container(R"({
      "name": "n", "image": "i", "snapshot": "s", "env": {"A": "1"}, "cwd": "/w",
      "limits": {"cpu_ms_per_s": 500, "memory_bytes": 8388608, "process_count": 7,
                 "disk_bytes": 131072, "file_count": 99, "open_file_count": 20},
      "network": "loopback", "metadata": {"team": "a"}, "n": 3, "idle_s": 60, "ttl_s": 0,
      "files": [{"path": "/a", "text": "x"}, {"path": "/b", "base64": "AP8=", "mode": 493}],
      "command": ["sleep", "1"]})");

    REQUIRE(request);
    CHECK(request->sandbox.env == std::vector<std::string>{"A=1"});
    CHECK(request->sandbox.limits.cpu_ms_per_s == 500);
    CHECK(request->sandbox.limits.memory_bytes == 8388608);
    CHECK(request->sandbox.limits.process_count == 7);
    CHECK(request->sandbox.limits.disk_bytes == 131072);
    CHECK(request->sandbox.limits.file_count == 99);
    CHECK(request->sandbox.limits.open_file_count == 20);
    CHECK(request->sandbox.network == SandboxNetwork::loopback);
    CHECK(request->count == 3);
    CHECK(request->idle_ms == 60'000);
    CHECK(request->ttl_ms == 0);
    REQUIRE(request->files.size() == 2);
    CHECK(request->files[1].bytes == std::string{"\0\xff", 2});
    CHECK(request->files[1].mode == 0755);
    CHECK(request->command == std::vector<std::string>{"sleep", "1"});
  }

  TEST_CASE("OpenAI's fields mean what they mean there") {
    const auto request = container(R"({
      "name": "n", "expires_after": {"anchor": "last_active_at", "minutes": 5},
      "memory_limit": "4g", "network_policy": {"type": "disabled"}, "file_ids": []})");

    REQUIRE(request);
    CHECK(request->idle_ms == 5 * 60'000);
    CHECK(request->sandbox.limits.memory_bytes == 4ULL << 30);
  }

  TEST_CASE("what is kept of a request makes the same one again") {
    const auto request = container(R"({"image": "i", "env": ["A=1"], "limits": {"file_count": 99},
                                       "network": "loopback", "command": "true"})");
    REQUIRE(request);

    Json kept = request->spec_json();
    kept["replays"] = {{"from", "x"}};
    const auto again = parse_recorded_spec(kept);

    REQUIRE(again);
    CHECK(again->spec_json() == request->spec_json());
  }

  TEST_CASE("what is wrong is refused by its name") {
    check_names(container(R"({"imagee": "host"})"), "imagee");
    check_names(container(R"({"limits": {"memory": 1}})"), "memory");
    check_names(container(R"({"limits": {"process_count": 0}})"), "process_count");
    check_names(container(R"({"limits": {"process_count": -1}})"), "process_count");
    check_names(container(R"({"limits": {"process_count": 1.5}})"), "process_count");
    check_names(container(R"({"network": "internet"})"), "network");
    check_names(container(R"({"network_policy": {"type": "allowlist"}})"), "network_policy");
    check_names(container(R"({"file_ids": ["file-1"]})"), "file_ids");
    check_names(container(R"({"memory_limit": "2g"})"), "memory_limit");
    check_names(container(R"({"n": 257})"), "'n'");
    check_names(container(R"({"cwd": "work"})"), "cwd");
    check_names(container(R"({"env": {"A": 1}})"), "env");
    check_names(container(R"({"env": ["=1"]})"), "env");
    check_names(container(R"({"files": [{"text": "x"}]})"), "path");
    check_names(container(R"({"files": [{"path": "/a", "base64": "?"}]})"), "base64");
    check_names(container(R"({"metadata": {"a": 1}})"), "metadata");
    check_names(container(R"({"command": [""]})"), "command");
    check_names(container("[]"), "object");
  }

  TEST_CASE("a command is a list, a text for the shell, or Python") {
    CHECK(exec(R"({"command": ["ls", "-l"]})")->spec.command ==
          std::vector<std::string>{"ls", "-l"});
    CHECK(exec(R"({"command": "ls | wc"})")->spec.command ==
          std::vector<std::string>{"/bin/sh", "-c", "ls | wc"});
    const auto python = exec(R"b({"python": "print(1)"})b");
    REQUIRE(python);
    CHECK(python->spec.command == std::vector<std::string>{"python3", "-c", "print(1)"});
    CHECK(python->spec.uses_zygote);
  }

  TEST_CASE("a command without bounds or sense is refused") {
    for (const char* body :
         {R"({})", R"({"command": []})", R"({"command": ["a\u0000b"]})",
          R"({"command": "x", "python": "y"})", R"({"command": "x", "timeout_ms": -1})",
          R"({"command": "x", "timeout_ms": 0})", R"({"command": "x", "timeout_ms": 1e12})",
          R"({"command": "x", "max_output_bytes": 99999999})",
          R"({"command": "x", "detach": true, "stream": true})",
          R"({"command": "x", "stdin_open": true})", R"({"command": "x", "encoding": "hex"})",
          R"({"command": "x", "stdin_base64": "?"})", R"({"command": "x", "tmeout_ms": 5})"})
      CHECK_MESSAGE(!exec(body), body);
    CHECK(exec(R"({"command": "x", "timeout_ms": 1, "max_output_bytes": 0})"));
  }

  TEST_CASE("what is over the operator's ceilings is refused by its name and theirs") {
    SandboxLimits limits{.memory_bytes = 2048, .disk_bytes = 100};
    CHECK(check_ceilings(limits, 2048, 100));
    const auto memory = check_ceilings(limits, 2047, 100);
    REQUIRE(!memory);
    CHECK(memory.error().message.find("memory_bytes") != std::string::npos);
    CHECK(memory.error().message.find("2047") != std::string::npos);
    CHECK(check_ceilings(limits, 2048, 99).error().message.find("disk_bytes") != std::string::npos);
  }

  TEST_CASE("the same command is the same under other bounds, and another with other input") {
    const Json one = exec(R"({"command": "x", "stdin": "a"})")->logged_json();
    const Json bounds = exec(R"({"command": "x", "stdin": "a", "timeout_ms": 5})")->logged_json();
    const Json other = exec(R"({"command": "x", "stdin": "b"})")->logged_json();

    CHECK(is_same_command(one, bounds));
    CHECK(!is_same_command(one, other));
  }
}
