// SandboxProvider opens this process's sandbox when something first needs it: most runs and reading
// subcommands never do.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "runtime/sandbox/sandbox_host.hpp"

namespace flywheel {

class SandboxProvider {
 public:
  explicit SandboxProvider(std::string state_folder) : state_folder_(std::move(state_folder)) {}

  // The sandbox; a refusal says what this machine lacks. It is closed when nobody holds it.
  Result<std::shared_ptr<SandboxHost>> open();

 private:
  std::string state_folder_;
  std::mutex mutex_;
  std::weak_ptr<SandboxHost> host_;
};

}  // namespace flywheel
