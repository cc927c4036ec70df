#include "runtime/sandbox/box/cell.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/sandbox/box/confine.hpp"

namespace flywheel {

namespace {

// Whether the launcher has mapped the ids and set the limits; it is gone if the pipe just ends.
bool wait_for_start(int start) {
  char byte = 0;
  ssize_t size = 0;
  do size = ::read(start, &byte, 1);
  while (size < 0 && errno == EINTR);
  ::close(start);
  return size == 1;
}

BoxError become_init(const Box& box, const CellSpec& spec) {
  if (BoxError error = join_groups(spec.groups); error.code != 0) return error;
  if (box.is_root &&
      (::setgroups(0, nullptr) != 0 || ::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0))
    return {"become the root of its user namespace", errno};
  if (::unshare(CLONE_NEWCGROUP) != 0 && errno != EINVAL) return {"leave the cgroups", errno};
  if (::setsid() < 0) return {"start a session", errno};
  ::umask(022);
  // Away from the keys of whoever started the host; ENOSYS where keys are off.
  ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr);
  if (::sethostname("box", 3) != 0) return {"set its host name", errno};
  // Nobody inside may look into the init, whose user the commands share where one id is mapped.
  if (::prctl(PR_SET_DUMPABLE, 0) != 0) return {"close itself to debuggers", errno};
  return {};
}

// Leaves 0 to 2 on /dev/null, 3 the control socket, 4 the folder of changes, and nothing else.
BoxError keep_descriptors(Cell& cell) {
  constexpr int first = 64;  // above the numbers that are about to be taken
  const int control = ::fcntl(cell.control, F_DUPFD_CLOEXEC, first);
  const int upper = ::fcntl(cell.upper, F_DUPFD_CLOEXEC, first);
  const int null = ::fcntl(cell.box->null_file, F_DUPFD_CLOEXEC, first);
  if (control < 0 || upper < 0 || null < 0) return {"keep its descriptors", errno};
  for (int stream = 0; stream < 3; ++stream)
    if (::dup2(null, stream) < 0) return {"keep its descriptors", errno};
  if (::dup3(control, 3, O_CLOEXEC) < 0 || ::dup3(upper, 4, O_CLOEXEC) < 0 ||
      ::syscall(SYS_close_range, 5, ~0U, 0) != 0)
    return {"keep its descriptors", errno};
  cell.control = 3;
  cell.upper = 4;
  return {};
}

BoxError prepare(Cell& cell) {
  if (BoxError error = become_init(*cell.box, cell.spec); error.code != 0) return error;
  if (BoxError error = mount_cell(cell); error.code != 0) return error;
  if (BoxError error = keep_descriptors(cell); error.code != 0) return error;
  if (BoxError error = confine_init(cell); error.code != 0) return error;
  // The kernel forgets this whenever the ids change, so it comes last.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return {"tie itself to the launcher", errno};
  return {};
}

}  // namespace

std::string BoxError::text() const {
  return what + ": " + std::strerror(code);
}

void run_cell(const Box& box, CellSpec spec) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  Cell cell{&box, std::move(spec)};
  cell.control = cell.spec.control;
  if (!wait_for_start(cell.spec.start)) ::_exit(1);
  if (const BoxError error = prepare(cell); error.code != 0) {
    send_packet(cell.control, BoxWriter{BoxMessage::failed}.text(error.text()).bytes());
    ::_exit(1);
  }
  if (send_packet(cell.control, BoxWriter{BoxMessage::ready}.bytes()) != 0) ::_exit(1);
  serve_cell(cell);
}

void answer(int control, std::uint64_t number, int code, std::string_view what, int descriptor) {
  const BoxWriter reply = BoxWriter{BoxMessage::done}
                              .number(number)
                              .number32(static_cast<std::uint32_t>(code))
                              .text(what);
  send_packet(control, reply.bytes(), &descriptor, descriptor >= 0 ? 1 : 0);
}

}  // namespace flywheel
