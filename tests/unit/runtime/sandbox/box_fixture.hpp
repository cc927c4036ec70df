// A SandboxHost in a folder of its own, and short ways to run things in containers.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include <doctest/doctest.h>
#include <unistd.h>

#include "runtime/sandbox/sandbox_host.hpp"

namespace flywheel {

class BoxFixture {
 public:
  BoxFixture() {
    std::string name = (std::filesystem::temp_directory_path() / "fw_box_XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder_ = name;
    config.state_folder = folder_ / "state";
    open();
  }
  ~BoxFixture() {
    host.reset();
    std::error_code code;
    std::filesystem::remove_all(folder_, code);
  }

  void open() {
    host.reset();
    auto opened = SandboxHost::open(config);
    if (!opened) FAIL(opened.error().message);
    host = std::move(*opened);
  }
  std::shared_ptr<Container> create(const SandboxSpec& spec = {}) {
    auto container = host->create(spec);
    if (!container) FAIL(container.error().message);
    return *container;
  }
  static ExecResult run(Container& container, const ExecSpec& spec) {
    auto result = container.run(spec);
    if (!result) FAIL(result.error().message);
    return *result;
  }
  static ExecResult shell(Container& container, const std::string& script) {
    return run(container, {.command = {"sh", "-c", script}});
  }
  const std::filesystem::path& folder() const { return folder_; }

  SandboxHostConfig config{};
  std::unique_ptr<SandboxHost> host;

 private:
  std::filesystem::path folder_;
};

}  // namespace flywheel
