#include "runtime/base/file.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "runtime/base/durable_file.hpp"

namespace flywheel {

Result<std::string> read_file(const std::filesystem::path& path) {
  const auto refuse = [&path] {
    const int code = errno;
    return fail(failure_of_errno(code), path.string() + ": can't be read: " + std::strerror(code));
  };
  errno = 0;
  std::ifstream stream{path, std::ios::binary};
  std::ostringstream text;
  if (!stream) return refuse();
  text << stream.rdbuf();
  if (stream.bad()) return refuse();
  return std::move(text).str();
}

Result<> write_file_durably(const std::filesystem::path& path, std::string_view bytes) {
  std::error_code ignored;  // what is missing is refused where the file is created
  std::filesystem::create_directories(path.parent_path(), ignored);
  const auto temporary = path.string() + ".tmp";
  auto written = write_durably(temporary, bytes);
  if (written) written = replace_durably(temporary, path.string());
  if (!written) std::filesystem::remove(temporary, ignored);
  return written;
}

}  // namespace flywheel
