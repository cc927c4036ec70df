// A server on a free loopback port with the routes that tests ask for, and a folder of its own.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>

#include <doctest/doctest.h>
#include <stdlib.h>

#include "runtime/net/http_client.hpp"
#include "runtime/net/http_server.hpp"
#include "tests/unit/runtime/net/raw_client.hpp"

namespace flywheel {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "flywheel_net_XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

// One value that one thread gives and another waits for.
template <class Value>
class Mailbox {
 public:
  void put(Value value) {
    const std::lock_guard lock{mutex_};
    value_ = std::move(value);
    changed_.notify_all();
  }
  Value take() {
    std::unique_lock lock{mutex_};
    REQUIRE(changed_.wait_for(lock, std::chrono::seconds{5}, [&] { return value_.has_value(); }));
    Value value = std::move(*value_);
    value_.reset();
    return value;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Value> value_;
};

struct ServerLab {
  explicit ServerLab(HttpServerConfig config = {}) : server(with_metrics(std::move(config))) {}

  HttpServerConfig with_metrics(HttpServerConfig config) {
    config.metrics = &metrics;
    return config;
  }

  void get(std::string pattern, HttpHandler handler) {
    server.add({.method = "GET", .pattern = std::move(pattern), .handler = std::move(handler)});
  }
  void post(std::string pattern, HttpHandler handler) {
    server.add({.method = "POST",
                .pattern = std::move(pattern),
                .verb = Verb::create,
                .handler = std::move(handler),
                .body_bytes_max = 1024});
  }

  void start() {
    const auto started = server.start();
    REQUIRE_MESSAGE(started, (started ? "" : started.error().message));
  }
  HttpClient client() const { return HttpClient{Endpoint::loopback(server.port())}; }

  // Waits until the server has let go of every connection.
  bool is_deserted(std::chrono::milliseconds time_max = std::chrono::milliseconds{3'000}) const {
    const auto until = std::chrono::steady_clock::now() + time_max;
    while (server.connection_count() > 0 && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds{5});
    return server.connection_count() == 0;
  }

  Metrics metrics;
  HttpServer server;
};

inline std::string status_line(const std::string& reply) {
  return reply.substr(0, reply.find('\r'));
}

}  // namespace flywheel
