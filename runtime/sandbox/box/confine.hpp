// Confinement of the process that calls: what it can never get back. Internal to flywheel_box.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/sandbox/box/box.hpp"

namespace flywheel {

int landlock_abi();  // of this kernel; 0 where it is off

// Gives up every capability but those of the mask (bit n is capability n), and the bounding and the
// ambient set whole, and sets no_new_privs. False with errno, as all of these.
bool drop_capabilities(std::uint64_t kept);

// Landlock as a second wall: writing below the folders for writing only, no TCP, no signals and no
// abstract unix sockets beyond the sandbox. True where the kernel has no Landlock.
bool restrict_by_landlock(int abi, const CellSpec& spec);

bool restrict_by_seccomp(const SeccompProgram& program);

// Puts the calling process, which must have one thread, into cgroups; before it changes its user.
BoxError join_groups(const std::vector<std::string>& folders);

// Limits of a command; the process must not be the init.
bool limit_resources(const CellSpec& spec);

// Becomes the user of commands, for good: group, user, no capability.
bool become_user(bool is_root);

}  // namespace flywheel
