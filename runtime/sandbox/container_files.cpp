// Files of a container: asked of a worker of its init, and its refusals in words.
#include <cerrno>
#include <cstring>

#include "runtime/sandbox/container_core.hpp"

namespace flywheel {

namespace {

constexpr std::size_t path_bytes_max = 4095;

Failure failure_of(int code) {
  switch (code) {
    case ENOENT:
    case ENOTDIR:
      return Failure::not_found;
    case EACCES:
    case EPERM:
    case EROFS:
      return Failure::permission_denied;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case EAGAIN:
    case EOVERFLOW:
      return Failure::resource_exhausted;
    case EINTR:
      return Failure::unavailable;
    default:
      return Failure::invalid_input;
  }
}

std::string words_of(int code) {
  switch (code) {
    case EINVAL:
      return "it is no regular file";
    case ELOOP:
      return "too many links, or a link of /proc, or folders that nest too deep";
    case EOVERFLOW:
      return "the folder holds more than 10,000 entries";
    case ENOSPC:
      return "the container's disk or its number of files is full";
    case EINTR:
      return "the work took too long, or ran out of memory";
    default:
      return std::strerror(code);
  }
}

}  // namespace

Result<BoxPacket> ContainerCore::work_on_file(BoxFileWork work, const std::string& path,
                                              std::uint32_t mode, int descriptor) {
  if (path.empty() || path.size() > path_bytes_max || path.find('\0') != std::string::npos)
    return fail(Failure::invalid_argument, "file: a path has 1 to 4,095 bytes and no NUL");
  const std::string whole = path.front() == '/' ? path : spec_.working_folder + "/" + path;
  {
    const std::lock_guard lock{mutex_};
    FLYWHEEL_TRY_VOID(expect_running());
  }
  const BoxWriter arguments =
      BoxWriter{}.number32(static_cast<std::uint32_t>(work)).text(whole).number32(mode);
  FLYWHEEL_TRY(BoxPacket packet, ask(BoxMessage::file, arguments.bytes(), descriptor));
  BoxReader answer{packet.bytes};
  answer.number32();  // kind and number come first
  answer.number();
  const auto code = static_cast<int>(answer.number32());
  if (code == 0) return packet;
  packet.close_all();
  return fail(failure_of(code), "file " + whole + ": " + words_of(code));
}

}  // namespace flywheel
