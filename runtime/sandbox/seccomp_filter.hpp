// The seccomp filter of containers: an allow-list, compiled once for the whole host.
#pragma once

#include <string>

#include "runtime/base/result.hpp"
#include "runtime/sandbox/sandbox_spec.hpp"

namespace flywheel {

// The instructions as the kernel takes them (an array of sock_filter). Whatever is not on the list
// fails with EPERM, clone3 with ENOSYS so that libraries fall back to clone, whose flags can be
// looked at; a call of another architecture ends the process.
Result<std::string> make_seccomp_filter(SandboxNetwork network);

}  // namespace flywheel
