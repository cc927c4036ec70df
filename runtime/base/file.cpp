#include "runtime/base/file.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <unistd.h>

namespace flywheel {
namespace {

Failure failure_of_errno(int code) {
  switch (code) {
    case ENOENT:
      return Failure::not_found;
    case EACCES:
    case EPERM:
      return Failure::permission_denied;
    case ENOSPC:
    case EDQUOT:
      return Failure::resource_exhausted;
    default:
      return Failure::unavailable;
  }
}

auto refuse(const std::filesystem::path& path, const char* doing) {
  const int code = errno;
  return fail(failure_of_errno(code), path.string() + ": " + doing + ": " + std::strerror(code));
}

Result<> sync_path(const std::filesystem::path& path, int flags) {
  const int file = ::open(path.c_str(), flags | O_CLOEXEC);
  if (file < 0) return refuse(path, "can't be opened");
  const int synced = ::fsync(file);
  const int code = errno;
  ::close(file);
  errno = code;
  if (synced != 0) return refuse(path, "can't be synced");
  return {};
}

}  // namespace

Result<std::string> read_file(const std::filesystem::path& path) {
  errno = 0;
  std::ifstream stream{path, std::ios::binary};
  std::ostringstream text;
  if (!stream) return refuse(path, "can't be read");
  text << stream.rdbuf();
  if (stream.bad()) return refuse(path, "can't be read");
  return std::move(text).str();
}

Result<> write_file_durably(const std::filesystem::path& path, std::string_view bytes) {
  std::error_code code;
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path{"."};
  std::filesystem::create_directories(folder, code);
  const auto temporary = path.string() + ".tmp";
  {
    errno = 0;
    std::ofstream stream{temporary, std::ios::binary | std::ios::trunc};
    stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    stream.flush();
    if (!stream) return refuse(temporary, "can't be written");
  }
  FLYWHEEL_TRY_VOID(sync_path(temporary, O_RDONLY));
  if (std::rename(temporary.c_str(), path.c_str()) != 0) return refuse(path, "can't be replaced");
  return sync_path(folder, O_RDONLY | O_DIRECTORY);
}

}  // namespace flywheel
