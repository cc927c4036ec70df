// flywheel_box MOUNT_POINT: makes and ends containers for the SandboxHost that started it, which
// holds the other end of descriptor 3. Descriptors 4 and 5 hold the seccomp filters.
#include <cstdio>

#include <sys/prctl.h>
#include <unistd.h>

#include "runtime/sandbox/box/launcher.hpp"

int main(int argument_count, char** arguments) {
  if (argument_count != 2 && argument_count != 3) {
    std::fprintf(stderr, "flywheel_box is started by flywheel; it is of no use by itself\n");
    return 2;
  }
  const bool is_root = argument_count == 2;
  flywheel::Launcher launcher{3, arguments[1], is_root};
  if (is_root && ::geteuid() != 0) {
    if (!launcher.enter_user_namespace()) return 1;
    // Executed anew inside: what it forks then belongs to the new namespace, where it has rights
    // over processes that have closed themselves to debuggers, as every init does.
    char inside[] = "inside";
    char* const again[] = {arguments[0], arguments[1], inside, nullptr};
    ::execv("/proc/self/exe", again);
    return 1;
  }
  ::prctl(PR_SET_NAME, "flywheel_box");  // executed anew it would be called "exe"
  if (!launcher.open(4, 5)) return 1;
  launcher.serve();
  return 0;
}
