// Box is what the launcher prepares once and every container starts from. Internal to flywheel_box.
//
// The launcher's own mount namespace holds a stage, its current folder:
//   usr/      the machine's /usr, read-only        layers/N/  folders that overlays lie on,
//   read-only dev/      the minimal /dev                     cell/      where a container mounts
//   its own tmpfs
// A container's first process inherits the folder, so no path of the host is looked up by it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <linux/filter.h>

#include "runtime/sandbox/box_message.hpp"

namespace flywheel {

// The ids inside: commands run as `box_user`, the init as 0 where there is a range of host ids.
constexpr unsigned box_user = 1000;
constexpr unsigned box_id_count = 2048;  // ids 0 to 2047 of a container are host ids of its own

using SeccompProgram = std::vector<sock_filter>;

struct Box {
  bool is_root = false;  // else one id is mapped, and init and commands share it
  int landlock_abi = 0;
  SeccompProgram filter_closed{};    // network none
  SeccompProgram filter_loopback{};  // with sockets of AF_INET and AF_INET6
  int null_file = -1;                // /dev/null
};

struct CellBind {
  int mount = -1;  // a detached, read-only mount
  bool is_folder = true;
  std::string target{};
};

// What a container is made of, as the launcher hands it to the container's first process.
struct CellSpec {
  std::uint64_t number = 0;
  std::string layers{};      // lowerdir of the overlay, relative to the stage
  bool shows_usr = false;    // of the machine, instead of an image's own
  bool is_restored = false;  // from a snapshot: the folders for writing are in it already
  bool has_loopback = false;
  std::uint64_t memory_bytes = 0;  // as address space where no cgroup limits it; else 0
  std::uint32_t process_count = 0;
  std::uint64_t disk_bytes = 0;
  std::uint32_t file_count = 0;
  std::uint32_t open_file_count = 0;
  std::string working_folder{};
  std::vector<CellBind> binds{};
  std::vector<std::string> groups{};  // folders of its cgroups, which it joins itself
  int control = -1;                   // the init's end of the control socket
  int start = -1;                     // readable once the launcher has mapped the ids
};

// What went wrong, for a person: "mount the overlay: No such file or directory".
struct BoxError {
  std::string what{};
  int code = 0;
  std::string text() const;
};

}  // namespace flywheel
