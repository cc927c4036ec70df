#include "runtime/sandbox/box_message.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace flywheel {

namespace {

thread_local std::array<char, box_message_bytes_max> buffer;  // only its touched pages cost memory

}  // namespace

bool BoxReader::raw(void* data, std::size_t size) {
  if (rest_.size() < size) {
    rest_ = {};
    return false;
  }
  std::memcpy(data, rest_.data(), size);
  rest_.remove_prefix(size);
  return true;
}

std::uint32_t BoxReader::number32() {
  std::uint32_t value = 0;
  raw(&value, sizeof value);
  return value;
}

std::uint64_t BoxReader::number() {
  std::uint64_t value = 0;
  raw(&value, sizeof value);
  return value;
}

std::string BoxReader::text() {
  const std::size_t size = std::min<std::size_t>(number32(), rest_.size());
  std::string value{rest_.substr(0, size)};
  rest_.remove_prefix(size);
  return value;
}

std::vector<std::string> BoxReader::texts() {
  std::vector<std::string> values;
  for (std::uint32_t left = number32(); left > 0 && !rest_.empty(); --left)
    values.push_back(text());
  return values;
}

int BoxPacket::take(std::size_t index) {
  return index < descriptor_count ? std::exchange(descriptors[index], -1) : -1;
}

void BoxPacket::close_all() {
  for (std::size_t i = 0; i < descriptor_count; ++i)
    if (descriptors[i] >= 0) ::close(std::exchange(descriptors[i], -1));
  descriptor_count = 0;
}

int send_packet(int socket, std::string_view bytes, const int* descriptors,
                std::size_t descriptor_count, int wait_ms) {
  if (bytes.size() > box_message_bytes_max) return EMSGSIZE;
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * box_descriptors_max)];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (descriptor_count > 0) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * descriptor_count);
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * descriptor_count);
    std::memcpy(CMSG_DATA(header), descriptors, sizeof(int) * descriptor_count);
  }
  for (;;) {
    if (::sendmsg(socket, &message, MSG_NOSIGNAL) >= 0) return 0;
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return errno;
    pollfd writable{socket, POLLOUT, 0};
    if (::poll(&writable, 1, wait_ms) == 0) return EAGAIN;
  }
}

int receive_packet(int socket, BoxPacket& packet) {
  packet.close_all();
  iovec part{buffer.data(), buffer.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * box_descriptors_max)];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t size = 0;
  do size = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  while (size < 0 && errno == EINTR);
  packet.bytes.assign(buffer.data(), size < 0 ? 0 : static_cast<std::size_t>(size));
  if (size < 0) return errno == ECONNRESET ? 0 : -1;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    packet.descriptor_count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    std::memcpy(packet.descriptors.data(), CMSG_DATA(header),
                packet.descriptor_count * sizeof(int));
  }
  return size == 0 ? 0 : 1;
}

}  // namespace flywheel
