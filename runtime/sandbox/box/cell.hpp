// Cell is a container from within: its first process builds the file system and becomes the init,
// which starts a supervisor for each command and a worker for each piece of work on files.
// Internal to flywheel_box.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "runtime/sandbox/box/box.hpp"

namespace flywheel {

// What the init keeps of the outside, all of it close-on-exec.
struct Cell {
  const Box* box = nullptr;
  CellSpec spec{};
  int control = -1;  // to the host
  int upper = -1;    // the folder of what was written, on the tmpfs of the container
};

// In a fresh process with namespaces of its own: waits for the launcher, mounts, confines itself,
// says `ready` or `failed` and serves the host. Never returns. (cell.cpp)
[[noreturn]] void run_cell(const Box& box, CellSpec spec);

// What the init and its like can never get back. Afterwards only commands can be started.
BoxError confine_init(const Cell& cell);

// Builds the file system and makes it the root. (cell_mounts.cpp)
BoxError mount_cell(Cell& cell);

// Serves the host until it goes away. (cell_init.cpp)
[[noreturn]] void serve_cell(Cell& cell);

struct CellExec {
  std::uint64_t number = 0;
  std::vector<std::string> command{};
  std::vector<std::string> env{};
  std::string working_folder{};
  int streams[3] = {-1, -1, -1};  // standard input, output, error output
};

// In a fresh process: runs the command and waits until everything that it started has ended.
// A signal SIGRTMIN with value n sends n to the command; 0 kills all that it started.
// (cell_exec.cpp)
[[noreturn]] void supervise(const Cell& cell, const CellExec& exec);

// The pieces of it, for the zygote too. `become_command` gives streams, limits and rights of a
// command to the calling process; `orders` is a socket that brings signals as exec_signal, or -1.
void become_command(const Cell& cell, const CellExec& exec);
[[noreturn]] void watch_over(const Cell& cell, const CellExec& exec, pid_t command, int orders);
[[noreturn]] void refuse_exec(const Cell& cell, const CellExec& exec, int code,
                              const std::string& what);

// In a fresh process with the rights of commands: does the work and answers the host.
// (cell_files.cpp)
[[noreturn]] void work_on_file(const Cell& cell, BoxReader& request, BoxPacket& packet);

void answer(int control, std::uint64_t number, int code, std::string_view what = {},
            int descriptor = -1);

}  // namespace flywheel
