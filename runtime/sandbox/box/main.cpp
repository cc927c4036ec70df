// flywheel_box MOUNT_POINT: makes and ends containers for the SandboxHost that started it, which
// holds the other end of descriptor 3. Descriptors 4 and 5 hold the seccomp filters.
#include <cstdio>

#include "runtime/sandbox/box/launcher.hpp"

int main(int argument_count, char** arguments) {
  if (argument_count != 2) {
    std::fprintf(stderr, "flywheel_box is started by flywheel; it is of no use by itself\n");
    return 2;
  }
  flywheel::Launcher launcher{3, arguments[1]};
  if (!launcher.open(4, 5)) return 1;
  launcher.serve();
  return 0;
}
