// Copies what a container has written, an overlay's upper folder, into a folder of the host.
#pragma once

#include <cstdint>
#include <functional>

#include <sys/stat.h>

#include "runtime/base/result.hpp"

namespace flywheel {

struct TreeFigures {
  std::uint64_t size_bytes = 0;
  std::uint32_t file_count = 0;
};

// What a tree may take.
struct TreeRoom {
  std::uint32_t file_count_max = 0;                      // of the whole tree
  std::function<bool(std::uint64_t size_bytes)> take{};  // asked before each piece is written
};

// Applies the folder open at `from` to the folder open at `to`: files, links, pipes and sockets
// with their owners, modes and times; what an overlay marks as removed or replaced does so in `to`,
// and stays marked. Links are never followed, names never leave the folders. `tree` has the figures
// of what `to` holds, before and after. Refuses what `room` does not give.
Result<> copy_changes(int from, int to, const TreeRoom& room, TreeFigures& tree);

// Changes the mode of the file or folder that `seen` tells of, and of nothing else: false where
// `name` leads to another by now, or to a link.
bool change_mode(int folder, const char* name, const struct stat& seen, mode_t mode);

// Fills the empty folder `to` with the same tree as `from`, its files being the same files (hard
// links): both are never written again.
Result<TreeFigures> link_tree(int from, int to, std::uint32_t file_count_max);

}  // namespace flywheel
