#include "storage/database_seal.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <vector>

#include <fmt/format.h>

#include "runtime/base/durable_file.hpp"
#include "runtime/base/file.hpp"
#include "storage/stored_files.hpp"

namespace flywheel {
namespace {

namespace fs = std::filesystem;

fs::path seal_path(const fs::path& folder) {
  return folder.string() + ".seal";
}
fs::path broken_seal_path(const fs::path& folder) {
  return folder.string() + ".seal.broken";
}

bool is_sealed(const std::string& name) {
  return name == "CURRENT" || name.starts_with("MANIFEST-") || name.ends_with(".log");
}

Error broken(const fs::path& folder, const std::string& what) {
  return {Failure::corrupt,
          fmt::format("the database in {} is damaged: {}; restore the folder from "
                      "a copy, what is there is untouched",
                      folder.string(), what)};
}

}  // namespace

Result<> write_seal(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator{folder, code})
    if (is_sealed(entry.path().filename().string()))
      names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  std::string text;
  for (const std::string& name : names) {
    FLYWHEEL_TRY(const FileRecord file, describe_file(folder, folder / name));
    text += fmt::format("{} {} {}\n", to_string(file.hash), file.size_bytes, name);
  }
  return write_file_durably(seal_path(folder), text);
}

Result<> check_seal(const fs::path& folder) {
  std::ifstream seal{seal_path(folder)};
  std::string hash_text;
  FileRecord file;
  while (seal >> hash_text >> file.size_bytes >> file.path) {
    const auto hash = parse_hash(hash_text);
    if (!hash || !is_sealed(file.path)) return fail(broken(folder, "its seal does not read"));
    file.hash = *hash;
    const auto verified = verify_file(folder, file);
    if (!verified) return fail(broken(folder, verified.error().message));
  }
  return {};
}

Result<> break_seal(const fs::path& folder) {
  std::error_code code;
  fs::rename(seal_path(folder), broken_seal_path(folder), code);
  if (code == std::errc::no_such_file_or_directory) return {};  // the last owner died
  if (code)
    return fail(Failure::unavailable,
                fmt::format("{} can't be renamed: {}; the database is not opened",
                            seal_path(folder).string(), code.message()));
  return sync_path(folder.parent_path().string());
}

void restore_seal(const fs::path& folder) {
  std::error_code code;
  fs::rename(broken_seal_path(folder), seal_path(folder), code);
}

void remove_broken_seal(const fs::path& folder) {
  std::error_code code;
  fs::remove(broken_seal_path(folder), code);
}

}  // namespace flywheel
