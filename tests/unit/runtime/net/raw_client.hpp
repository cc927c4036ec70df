// RawClient speaks bytes to a server on loopback, so that tests can be as rude as they like.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace flywheel {

class RawClient {
 public:
  explicit RawClient(std::uint16_t port, int receive_buffer_bytes = 0)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer_bytes > 0)
      ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof(int));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }
  ~RawClient() { close(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // False once the server has closed the connection.
  bool send(std::string_view bytes) const {
    return ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }

  void end_sending() const { ::shutdown(socket_, SHUT_WR); }

  void close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }

  // Leaves without a farewell: the server sees a reset.
  void abort() {
    const linger at_once{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
  }

  // Reads until `text` has been seen, the server closes, or the time is over; returns all of it.
  std::string read_until(std::string_view text,
                         std::chrono::milliseconds time_max = std::chrono::milliseconds{5'000}) {
    const auto until = std::chrono::steady_clock::now() + time_max;
    while (seen_.find(text) == std::string::npos && read_once(until)) {
    }
    return seen_;
  }

  // Reads until the server closes; fails the test if it does not.
  std::string read_to_end(std::chrono::milliseconds time_max = std::chrono::milliseconds{5'000}) {
    const auto until = std::chrono::steady_clock::now() + time_max;
    while (read_once(until)) {
    }
    CHECK_MESSAGE(is_closed_, "the server did not close the connection in time");
    return seen_;
  }

  bool is_closed() const { return is_closed_; }
  void forget() { seen_.clear(); }

 private:
  bool read_once(std::chrono::steady_clock::time_point until) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    pollfd waiting{socket_, POLLIN, 0};
    if (left.count() <= 0 || ::poll(&waiting, 1, static_cast<int>(left.count())) <= 0) return false;
    char bytes[16 * 1024];
    const auto count = ::recv(socket_, bytes, sizeof bytes, 0);
    is_closed_ = count <= 0;
    if (count > 0) seen_.append(bytes, static_cast<std::size_t>(count));
    return count > 0;
  }

  int socket_;
  bool is_closed_ = false;
  std::string seen_;
};

}  // namespace flywheel
