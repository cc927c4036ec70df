#include "runtime/model/durable_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

namespace flywheel {
namespace {

tl::unexpected<Error> refuse_errno(const std::string& path, const char* what) {
  const int code = errno;
  const Failure failure = code == ENOSPC || code == EDQUOT  ? Failure::resource_exhausted
                          : code == EACCES || code == EROFS ? Failure::permission_denied
                                                            : Failure::unavailable;
  return fail(failure, path + ": can't be " + what + ": " + std::strerror(code));
}

std::shared_ptr<const int> owned(int descriptor) {
  return {new int(descriptor), [](const int* held) {
            ::close(*held);
            delete held;
          }};
}

}  // namespace

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

Result<> sync_folder(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return refuse_errno(path, "opened");
  const auto closer = owned(descriptor);
  if (::fsync(descriptor) != 0) return refuse_errno(path, "flushed");
  return {};
}

}  // namespace flywheel
