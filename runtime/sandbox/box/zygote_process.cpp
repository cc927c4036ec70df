#include "runtime/sandbox/box/zygote_process.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/sandbox/zygote/zygote_script.hpp"

namespace flywheel {

namespace {

constexpr const char* interpreter = "/usr/bin/python3";
constexpr int socket_place = 3;
constexpr int room_ms_max = 200;  // that a full queue of requests may take to move on

// The library lies beside this program.
std::string library_path() {
  std::array<char, 4096> path{};
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size() - 1);
  const std::string own{path.data(), static_cast<std::size_t>(size > 0 ? size : 0)};
  return own.substr(0, own.rfind('/') + 1) + "libflywheel_zygote.so";
}

[[noreturn]] void become_interpreter(int socket, const std::string& library) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int own = ::fcntl(socket, F_DUPFD, 16);
  if (::dup2(own, socket_place) < 0 || ::syscall(SYS_close_range, socket_place + 1, ~0U, 0) != 0)
    ::_exit(1);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // Modules of the standard library that programs use most; nothing of people's is loaded here.
  const char* const arguments[] = {
      "python3", "-I",         "-c",     zygote_script, library.c_str(), "json",
      "re",      "math",       "random", "collections", "itertools",     "functools",
      "string",  "datetime",   "typing", "dataclasses", "subprocess",    "pathlib",
      "csv",     "statistics", "heapq",  "bisect",      "copy",          "textwrap",
      "decimal", "fractions",  "time",   "enum",        "contextlib",    "operator",
      nullptr};
  const char* const environment[] = {"LANG=C.UTF-8", "PATH=/usr/bin:/bin", nullptr};
  ::execve(interpreter, const_cast<char* const*>(arguments), const_cast<char* const*>(environment));
  ::_exit(127);
}

}  // namespace

BoxError ZygoteProcess::start() {
  const std::string library = library_path();
  if (::access(library.c_str(), R_OK) != 0) return {"find " + library, errno};
  if (::access(interpreter, X_OK) != 0) return {std::string{"find "} + interpreter, errno};
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return {"make a socket", errno};
  process_ = ::fork();
  if (process_ == 0) become_interpreter(ends[1], library);
  const int code = errno;
  ::close(ends[1]);
  socket_ = ends[0];
  ::fcntl(socket_, F_SETFL, O_NONBLOCK);
  return process_ > 0 ? BoxError{} : BoxError{"start a process", code};
}

BoxError ZygoteProcess::send(const std::string& request, const int* descriptors,
                             std::size_t descriptor_count) {
  if (process_ < 0)
    if (BoxError error = start(); error.code != 0) return error;
  const int code = send_packet(socket_, request, descriptors, descriptor_count, room_ms_max);
  if (code == EAGAIN) abandon();
  return code == 0 ? BoxError{} : BoxError{"reach the Python zygote", code};
}

// Its socket goes with all that waits in it, whose senders see that; reap() collects the process.
void ZygoteProcess::abandon() {
  ::kill(process_, SIGKILL);
  forget();
}

void ZygoteProcess::forget() {
  process_ = -1;
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
}

}  // namespace flywheel
