// Whole files: read at once, or replaced atomically and durably.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "runtime/base/result.hpp"

namespace flywheel {

// not_found or permission_denied name the path.
Result<std::string> read_file(const std::filesystem::path& path);

// Makes the folders, writes a temporary file beside the path, fsync, rename, fsync of the folder:
// after a crash either the old file or the new one is there, whole.
Result<> write_file_durably(const std::filesystem::path& path, std::string_view bytes);

}  // namespace flywheel
