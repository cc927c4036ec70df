#include "runtime/sandbox/program_run.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>

#include "runtime/sandbox/descriptor.hpp"

namespace flywheel {

namespace {

constexpr std::size_t kept_bytes = 64 << 10;

std::string last_line(const std::string& text) {
  const std::size_t end = text.find_last_not_of(" \n\r\t");
  if (end == std::string::npos) return "it wrote nothing";
  const std::size_t start = text.rfind('\n', end);
  return text.substr(start + 1, end - start);
}

Result<pid_t> spawn(const std::vector<std::string>& command, int output) {
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  posix_spawn_file_actions_adddup2(&actions, output, 2);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  pid_t process = -1;
  const int code =
      ::posix_spawnp(&process, arguments[0], &actions, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (code != 0)
    return fail(Failure::unavailable,
                command.front() + ": can't be started: " + std::strerror(code));
  return process;
}

}  // namespace

Result<std::string> run_program(const std::vector<std::string>& command,
                                std::chrono::steady_clock::time_point deadline) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return fail(Failure::resource_exhausted, command.front() + ": no pipe can be made");
  const Descriptor reads{ends[0]};
  Descriptor writes{ends[1]};
  FLYWHEEL_TRY(const pid_t process, spawn(command, writes.get()));
  writes.reset();
  std::string output;
  bool is_late = false;
  for (std::array<char, 8192> part;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd readable{reads.get(), POLLIN, 0};
    is_late = left.count() <= 0;
    if (is_late) break;
    if (::poll(&readable, 1, static_cast<int>(std::min<long long>(left.count(), 1000))) <= 0)
      continue;
    const ssize_t size = ::read(reads.get(), part.data(), part.size());
    if (size <= 0) break;
    output.append(part.data(), static_cast<std::size_t>(size));
    if (output.size() > 2 * kept_bytes) output.erase(0, output.size() - kept_bytes);
  }
  if (is_late) ::kill(-process, SIGKILL);
  int status = 0;
  while (::waitpid(process, &status, 0) < 0 && errno == EINTR) continue;
  if (is_late)
    return fail(Failure::deadline_exceeded, command.front() + ": took too long and was ended");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return fail(Failure::unavailable, command.front() + ": failed: " + last_line(output));
  return output;
}

}  // namespace flywheel
