// ZygoteProcess is the loaded interpreter that commands in Python are forked from; the launcher
// starts it when the first of them comes, and again if it dies. Internal to flywheel_box.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "runtime/sandbox/box/box.hpp"

namespace flywheel {

class ZygoteProcess {
 public:
  // Sends a request and its descriptors; starts the interpreter first where it does not run. One
  // that takes no requests for a moment is killed: the launcher has others to serve. The next
  // request starts another.
  BoxError send(const std::string& request, const int* descriptors, std::size_t descriptor_count);
  bool is(pid_t process) const { return process == process_; }
  void forget();  // it ended

 private:
  BoxError start();
  void abandon();

  pid_t process_ = -1;
  int socket_ = -1;
};

}  // namespace flywheel
