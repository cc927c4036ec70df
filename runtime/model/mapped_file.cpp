#include "runtime/model/mapped_file.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace flywheel {
namespace {

tl::unexpected<Error> refuse_errno(const std::string& path) {
  const int code = errno;
  const Failure failure = code == ENOENT   ? Failure::not_found
                          : code == EACCES ? Failure::permission_denied
                                           : Failure::invalid_input;
  return fail(failure, path + ": can't be read: " + std::strerror(code));
}

}  // namespace

Result<MappedFile> MappedFile::open(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return refuse_errno(path);
  const std::shared_ptr<void> closer(nullptr, [descriptor](void*) { ::close(descriptor); });
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return refuse_errno(path);
  if (!S_ISREG(status.st_mode)) return fail(Failure::invalid_input, path + ": not a regular file");
  if (status.st_size <= 0) return fail(Failure::invalid_input, path + ": the file is empty");

  const auto size_bytes = static_cast<std::size_t>(status.st_size);
  void* const address = ::mmap(nullptr, size_bytes, PROT_READ, MAP_PRIVATE, descriptor, 0);
  if (address == MAP_FAILED) return refuse_errno(path);
  MappedFile file;
  file.path_ = path;
  file.size_bytes_ = size_bytes;
  file.data_ = {static_cast<const std::byte*>(address), [size_bytes](const std::byte* data) {
                  ::munmap(const_cast<std::byte*>(data), size_bytes);
                }};
  return file;
}

}  // namespace flywheel
