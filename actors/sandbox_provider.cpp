#include "actors/sandbox_provider.hpp"

namespace flywheel {

Result<std::shared_ptr<SandboxHost>> SandboxProvider::open() {
  const std::lock_guard lock{mutex_};
  if (auto open_one = host_.lock()) return open_one;
  SandboxHostConfig config;
  config.state_folder = state_folder_;
  FLYWHEEL_TRY(std::shared_ptr<SandboxHost> host, SandboxHost::open(std::move(config)));
  host_ = host;
  return host;
}

}  // namespace flywheel
