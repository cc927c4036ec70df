// One SandboxHost for all cases of the program: opening it is the slow part.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include <doctest/doctest.h>
#include <unistd.h>

#include "runtime/sandbox/sandbox_host.hpp"

namespace flywheel::testing {

inline SandboxHost& host() {
  struct Opened {
    std::filesystem::path folder =
        std::filesystem::temp_directory_path() / ("flywheel_tools_" + std::to_string(getpid()));
    std::unique_ptr<SandboxHost> host;
    Opened() {
      SandboxHostConfig config;
      config.state_folder = folder.string();
      auto opened = SandboxHost::open(config);
      REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
      host = std::move(*opened);
    }
    ~Opened() {
      host.reset();
      std::filesystem::remove_all(folder);
    }
  };
  static Opened opened;
  return *opened.host;
}

}  // namespace flywheel::testing
