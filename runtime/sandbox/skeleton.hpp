// The folders, links and files of /etc that every root of a container has. Internal to
// runtime/sandbox.
#pragma once

#include <filesystem>

#include "runtime/base/result.hpp"

namespace flywheel {

// In an empty folder: the usual folders, and /bin, /lib and so on as links into /usr.
Result<> make_root_folders(const std::filesystem::path& root);

// The users of a container, host names and the like; replaces what is there.
Result<> write_root_files(const std::filesystem::path& root);

}  // namespace flywheel
