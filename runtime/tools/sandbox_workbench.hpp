// A Workbench that is a container of runtime/sandbox.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/sandbox/sandbox_host.hpp"
#include "runtime/tools/workbench.hpp"

namespace flywheel {

struct WorkbenchFile {
  std::string path{};  // absolute, or below the container's working folder
  std::string text{};
};

// A new container with these files. One that lies in a folder that `spec` binds is laid over what
// is there, read-only as the folder is; the others can be written. `host` outlives the workbench.
Result<std::unique_ptr<Workbench>> make_sandbox_workbench(SandboxHost& host,
                                                          const SandboxSpec& spec,
                                                          const std::vector<WorkbenchFile>& files);

}  // namespace flywheel
