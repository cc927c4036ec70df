// Files beside the database, known by size and content hash.
#pragma once

#include <filesystem>
#include <vector>

#include "runtime/base/result.hpp"
#include "storage/records.hpp"

namespace flywheel {

// Size and content hash of a file; the path is kept relative to `folder`. Reads the whole file.
Result<FileRecord> describe_file(const std::filesystem::path& folder,
                                 const std::filesystem::path& path);
// Every regular file under `folder`, in path order.
Result<std::vector<FileRecord>> describe_folder(const std::filesystem::path& folder);
// corrupt where the file is missing, shorter, longer or of other bytes than recorded.
Result<> verify_file(const std::filesystem::path& folder, const FileRecord& file);

}  // namespace flywheel
