// A host with its attackers: containers that see attacks.py, and a look at what they left.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include <doctest/doctest.h>
#include <unistd.h>

#include "runtime/sandbox/sandbox_host.hpp"
#include "tests/system/sandbox/traces.hpp"

namespace flywheel {

class AttackLab {
 public:
  AttackLab() {
    std::string name = (std::filesystem::temp_directory_path() / "fw_attack_XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder = name;
    before_ = traces();
    std::filesystem::create_directories(folder / "attacks");
    std::filesystem::copy_file("tests/system/sandbox/attacks.py", folder / "attacks/attacks.py");
    auto opened = SandboxHost::open({.state_folder = (folder / "state").string()});
    if (!opened) FAIL(opened.error().message);
    host = std::move(*opened);
  }

  // Nothing may be left once the host is closed; other hosts of this machine come and go, so
  // cgroups are counted only where nothing else runs containers.
  ~AttackLab() {
    CHECK(host->container_count() == 0);
    host.reset();
    const Traces after = traces();
    CHECK(after.descriptors == before_.descriptors);
    CHECK(after.children == before_.children);
    CHECK(after.mounts == before_.mounts);
    CHECK(after.cgroups <= before_.cgroups);
    std::error_code code;
    std::filesystem::remove_all(folder, code);
  }

  std::shared_ptr<Container> create(SandboxSpec spec = {}) {
    spec.binds.push_back({(folder / "attacks").string(), "/attacks"});
    auto container = host->create(spec);
    if (!container) FAIL(container.error().message);
    return *container;
  }
  static ExecResult run(Container& container, const ExecSpec& spec) {
    auto result = container.run(spec);
    if (!result) FAIL(result.error().message);
    return *result;
  }
  static ExecResult shell(Container& container, const std::string& script,
                          std::chrono::milliseconds wall_time_max = std::chrono::seconds{10}) {
    return run(container, {.command = {"sh", "-c", script}, .wall_time_max = wall_time_max});
  }
  static bool is_alive(Container& container) {
    const auto result = container.run({.command = {"echo", "alive"}});
    return result && result->output == "alive\n";
  }
  static void end(Container& container) { container.kill(ContainerState::killed, "test"); }

  std::filesystem::path folder;
  std::unique_ptr<SandboxHost> host;

 private:
  Traces before_;
};

}  // namespace flywheel
