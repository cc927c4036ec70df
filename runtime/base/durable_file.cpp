#include "runtime/base/durable_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <unistd.h>

namespace flywheel {
namespace {

tl::unexpected<Error> refuse_errno(const std::string& path, const char* what) {
  const int code = errno;
  return fail(failure_of_errno(code), path + ": can't be " + what + ": " + std::strerror(code));
}

std::shared_ptr<const int> owned(int descriptor) {
  return {new int(descriptor), [](const int* held) {
            ::close(*held);
            delete held;
          }};
}

}  // namespace

Failure failure_of_errno(int code) {
  switch (code) {
    case ENOENT:
      return Failure::not_found;
    case EACCES:
    case EPERM:
    case EROFS:
      return Failure::permission_denied;
    case ENOSPC:
    case EDQUOT:
      return Failure::resource_exhausted;
    default:
      return Failure::unavailable;
  }
}

Result<DurableFile> DurableFile::create(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor < 0) return refuse_errno(path, "created");
  DurableFile file;
  file.path_ = path;
  file.descriptor_ = owned(descriptor);
  return file;
}

Result<> DurableFile::write(const void* data, std::size_t size_bytes) {
  const char* position = static_cast<const char*>(data);
  while (size_bytes > 0) {
    // One call takes at most 2 GiB, may take less, and is interrupted by signals.
    const std::size_t piece = std::min<std::size_t>(size_bytes, std::size_t{1} << 30);
    const ssize_t written = ::write(*descriptor_, position, piece);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return refuse_errno(path_, "written");
    position += written;
    size_bytes -= static_cast<std::size_t>(written);
  }
  return {};
}

Result<> DurableFile::finish() {
  if (::fsync(*descriptor_) != 0) return refuse_errno(path_, "flushed");
  descriptor_.reset();
  return {};
}

Result<> write_durably(const std::string& path, std::string_view text) {
  FLYWHEEL_TRY(DurableFile file, DurableFile::create(path));
  FLYWHEEL_TRY_VOID(file.write(text.data(), text.size()));
  return file.finish();
}

Result<> sync_path(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return refuse_errno(path, "opened");
  const auto closer = owned(descriptor);
  if (::fsync(descriptor) != 0) return refuse_errno(path, "flushed");
  return {};
}

Result<> replace_durably(const std::string& temporary, const std::string& path) {
  if (std::rename(temporary.c_str(), path.c_str()) != 0) return refuse_errno(path, "replaced");
  const auto folder = std::filesystem::path{path}.parent_path().string();
  return sync_path(folder.empty() ? "." : folder);
}

}  // namespace flywheel
