// HttpClient makes blocking calls to one server, each with a deadline: what subcommands and tests
// use.
//
// Guarantees: no call outlasts its deadline (resolving a host name excepted, which has the
// resolver's
//             own); redirects are not followed; a connection is kept and used again, and a GET that
//             finds it closed is sent once more on a new one. Reconnecting a stream is the
//             caller's.
// Threads:    use one client from one thread at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/base/json.hpp"
#include "runtime/base/result.hpp"
#include "runtime/net/http_message.hpp"

namespace flywheel {

// Where the server is: "unix:/path/of/socket", "http://127.0.0.1:8080" or "https://host:443".
struct Endpoint {
  std::string socket_path{};  // if not empty, host and port do not count
  std::string host{};
  std::uint16_t port = 0;
  bool uses_tls = false;

  static Endpoint unix_socket(std::string path) { return {.socket_path = std::move(path)}; }
  static Endpoint loopback(std::uint16_t port) { return {.host = "127.0.0.1", .port = port}; }
  static Result<Endpoint> parse(std::string_view text);
};

std::string to_string(const Endpoint& endpoint);

struct HttpClientConfig {
  std::string token{};           // sent as `Authorization: Bearer`
  std::string authority_path{};  // PEM file of certificates to trust; empty = the system's
  std::size_t reply_bytes_max = 64 * 1024 * 1024;
};

struct HttpCall {
  std::string method = "GET";
  std::string target = "/";  // path and query, encoded
  std::string body{};
  NamedValues headers{};
  std::chrono::milliseconds time_max{10'000};  // for a stream: until its head has come
};

struct HttpReply {
  int status = 0;
  std::string body{};
  NamedValues headers{};
};

class HttpClient {
 public:
  explicit HttpClient(Endpoint endpoint, HttpClientConfig config = {});
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;

  // Any status is a reply. unavailable: nobody answers there, or the connection broke;
  // deadline_exceeded; resource_exhausted: a larger reply than allowed; invalid_input: not HTTP.
  Result<HttpReply> call(const HttpCall& call);

  // A status of 400 or more is the Error that the server meant.
  Result<Json> get_json(std::string target,
                        std::chrono::milliseconds time_max = std::chrono::milliseconds{10'000});
  Result<Json> post_json(std::string target, const Json& body,
                         std::chrono::milliseconds time_max = std::chrono::milliseconds{10'000});

  // Reads server-sent events until the callback returns false or the server ends the stream (both
  // are success). deadline_exceeded: nothing came, not even a ping, for `silence_max`.
  Result<> read_events(const HttpCall& call, std::chrono::milliseconds silence_max,
                       const std::function<bool(ServerEvent)>& callback);

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

}  // namespace flywheel
