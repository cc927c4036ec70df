#include "storage/stored_files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "runtime/base/durable_file.hpp"

namespace flywheel {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t chunk_bytes = 1 << 20;

// A file descriptor that closes itself.
class File {
 public:
  explicit File(const fs::path& path) : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool is_open() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

tl::unexpected<Error> refuse_to_read(const fs::path& path) {
  const int code = errno;
  return fail(failure_of_errno(code),
              fmt::format("can't read {}: {}", path.string(), std::strerror(code)));
}

// The hash of the chunks' hashes: the file is never in memory as a whole.
Result<FileRecord> hash_file(const fs::path& path) {
  const File file{path};
  if (!file.is_open()) return refuse_to_read(path);
  FileRecord record;
  std::vector<char> chunk(chunk_bytes);
  for (;;) {
    std::size_t filled = 0;
    while (filled < chunk.size()) {
      const ssize_t got = ::read(file.descriptor(), chunk.data() + filled, chunk.size() - filled);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return refuse_to_read(path);
      if (got == 0) break;
      filled += static_cast<std::size_t>(got);
    }
    if (filled == 0) return record;
    record.size_bytes += filled;
    record.hash = combine(record.hash, hash_bytes(chunk.data(), filled));
  }
}

}  // namespace

Result<FileRecord> describe_file(const fs::path& folder, const fs::path& path) {
  FLYWHEEL_TRY(FileRecord record, hash_file(path));
  record.path = path.lexically_relative(folder).generic_string();
  if (record.path.empty() || record.path.starts_with(".."))
    return fail(Failure::invalid_argument,
                fmt::format("{} is not under {}", path.string(), folder.string()));
  return record;
}

Result<std::vector<FileRecord>> describe_folder(const fs::path& folder) {
  std::vector<fs::path> paths;
  std::error_code code;
  for (fs::recursive_directory_iterator at{folder, code}, end; !code && at != end;
       at.increment(code))
    if (at->is_regular_file(code)) paths.push_back(at->path());
  if (code)
    return fail(Failure::not_found,
                fmt::format("can't list {}: {}", folder.string(), code.message()));
  std::sort(paths.begin(), paths.end());
  std::vector<FileRecord> files;
  for (const fs::path& path : paths) {
    FLYWHEEL_TRY(FileRecord file, describe_file(folder, path));
    files.push_back(std::move(file));
  }
  return files;
}

Result<> verify_file(const fs::path& folder, const FileRecord& file) {
  const fs::path path = folder / file.path;
  auto found = hash_file(path);
  if (!found) return fail(Failure::corrupt, "a recorded file is gone: " + found.error().message);
  if (found->size_bytes != file.size_bytes)
    return fail(Failure::corrupt, fmt::format("{} has {} bytes where {} were recorded",
                                              path.string(), found->size_bytes, file.size_bytes));
  if (found->hash != file.hash)
    return fail(Failure::corrupt,
                fmt::format("{} has other bytes than were recorded (hash {}, recorded {})",
                            path.string(), to_string(found->hash), to_string(file.hash)));
  return {};
}

}  // namespace flywheel
