// A real HTTP proxy on a port of this machine that answers what the test tells it to, and remembers
// every request that reached it.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/check.hpp"

namespace flywheel::testing {

struct ProxyAnswer {
  std::string bytes{};
  bool drips = false;  // after `bytes`, one more byte now and then, without an end
};

// A whole answer; `more` are lines of its head.
inline ProxyAnswer page_answer(const std::string& body, const std::string& type = "text/plain",
                               const std::string& more = "") {
  return {"HTTP/1.1 200 OK\r\nContent-Type: " + type + "\r\n" + more +
          "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body};
}

class LittleProxy {
 public:
  using Act = std::function<ProxyAnswer(const std::string& request_line)>;

  explicit LittleProxy(Act act) : act_(std::move(act)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    FLYWHEEL_CHECK(::bind(listener_, any, size) == 0 && ::listen(listener_, 16) == 0);
    FLYWHEEL_CHECK(::getsockname(listener_, any, &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread{[this] { serve(); }};
  }
  ~LittleProxy() {
    is_stopping_ = true;
    thread_.join();
    ::close(listener_);
  }
  LittleProxy(const LittleProxy&) = delete;
  LittleProxy& operator=(const LittleProxy&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  // The heads of the requests so far, each whole.
  std::vector<std::string> requests() const {
    const std::lock_guard lock{mutex_};
    return requests_;
  }

 private:
  static constexpr int tick_ms = 20;

  void serve() {
    while (!is_stopping_) {
      pollfd ready{listener_, POLLIN, 0};
      if (::poll(&ready, 1, tick_ms) != 1) continue;
      const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection < 0) continue;
      converse(connection);
      ::close(connection);
    }
  }

  void converse(int connection) {
    std::string head;
    while (head.find("\r\n\r\n") == std::string::npos) {
      if (is_stopping_) return;
      pollfd ready{connection, POLLIN, 0};
      if (::poll(&ready, 1, tick_ms) != 1) continue;
      char buffer[4096];
      const auto count = ::recv(connection, buffer, sizeof buffer, 0);
      if (count <= 0) return;
      head.append(buffer, static_cast<std::size_t>(count));
    }
    {
      const std::lock_guard lock{mutex_};
      requests_.push_back(head);
    }
    const ProxyAnswer answer = act_(head.substr(0, head.find("\r\n")));
    bool is_open = send(connection, answer.bytes);
    while (answer.drips && is_open && !is_stopping_) {
      std::this_thread::sleep_for(std::chrono::milliseconds{tick_ms});
      is_open = send(connection, "x");
    }
  }

  static bool send(int connection, std::string_view bytes) {
    while (!bytes.empty()) {
      const auto count = ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }

  Act act_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> is_stopping_ = false;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

}  // namespace flywheel::testing
