// BoxMessage is what the host, the launcher and each container's init say to each other: one packet
// of a unix SOCK_SEQPACKET socket, with file descriptors beside it. Both ends are one build of
// Flywheel, so there are no versions; a reader still never trusts a length.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace flywheel {

enum class BoxMessage : std::uint32_t {
  // host to launcher
  create = 1,     // HostCore::send_create writes it; descriptor: the init's end of its socket
  end_container,  // number
  zygote_exec,    // number of the container, then as exec; the fourth descriptor brings signals
  // launcher to host
  launched,         // what this machine gives, once
  refused,          // number, why
  container_ended,  // number, wait status of its init, kills at the memory limit
  // host to init
  exec,  // number, program and arguments, environment, folder; descriptors: input, output, error
  // number, signal (0 kills everything that the exec started), whether no zygote was used
  exec_signal,
  pause,
  resume,
  file,   // number, BoxFileWork, path, mode; descriptor for put and list
  usage,  // number
  upper,  // number
  // init to host
  ready,
  failed,           // why the container can't be made
  exec_ended,       // number, wait status, microseconds of CPU, bytes of memory
  exec_refused,     // number, errno, what could not be done
  supervisor_gone,  // number of the exec whose supervisor was killed
  exec_started,     // number; of the zygote's alone: its processes are in the container
  done,  // number, errno, what could not be done; usage adds figures; may bring a descriptor
};

enum class BoxFileWork : std::uint32_t { put, get, status, list, folder, remove };

constexpr std::size_t box_message_bytes_max = 160 << 10;
constexpr std::size_t box_descriptors_max = 5;

class BoxWriter {
 public:
  BoxWriter() = default;  // of arguments, to be put behind a kind
  explicit BoxWriter(BoxMessage kind) { number32(static_cast<std::uint32_t>(kind)); }

  BoxWriter& number32(std::uint32_t value) { return raw(&value, sizeof value); }
  BoxWriter& number(std::uint64_t value) { return raw(&value, sizeof value); }
  BoxWriter& text(std::string_view value) {
    number32(static_cast<std::uint32_t>(value.size()));
    return raw(value.data(), value.size());
  }
  BoxWriter& texts(const std::vector<std::string>& values) {
    number32(static_cast<std::uint32_t>(values.size()));
    for (const std::string& value : values) text(value);
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  BoxWriter& raw(const void* data, std::size_t size) {
    bytes_.append(static_cast<const char*>(data), size);
    return *this;
  }
  std::string bytes_;
};

// Reads what BoxWriter wrote. After the end of the bytes everything reads as zero and empty.
class BoxReader {
 public:
  explicit BoxReader(std::string_view bytes) : rest_(bytes) {}

  BoxMessage kind() { return static_cast<BoxMessage>(number32()); }
  std::uint32_t number32();
  std::uint64_t number();
  std::string text();
  std::vector<std::string> texts();

 private:
  bool raw(void* data, std::size_t size);
  std::string_view rest_;
};

struct BoxPacket {
  std::string bytes{};
  std::array<int, box_descriptors_max> descriptors{-1, -1, -1, -1, -1};  // owned by the receiver
  std::size_t descriptor_count = 0;

  int take(std::size_t index);  // the caller owns it now; -1 if it did not come
  void close_all();
};

// 0, or errno: EMSGSIZE for a packet that is too large, EPIPE where nobody reads any more,
// EAGAIN where the reader makes no room for so long.
int send_packet(int socket, std::string_view bytes, const int* descriptors = nullptr,
                std::size_t descriptor_count = 0, int wait_ms = 2000);

// 1 with a packet, 0 at the end, -1 with errno (EAGAIN where nothing is there now).
int receive_packet(int socket, BoxPacket& packet);

}  // namespace flywheel
