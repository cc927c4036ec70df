// HttpServer answers HTTP/1.1 on a TCP port (loopback by default) and on a unix socket.
//
//   client ──▶ limits ─▶ authenticate ─▶ route ─▶ authorise ─▶ handler(request, responder)
//                                                                 └─▶ an actor, which answers later
//
// Guarantees: nothing but loopback is listened on without TLS and tokens; the socket file has mode
//             0600, and replaces an older one only if nobody answers there; every reply has an
//             x-request-id; every wait has a deadline (header, body, handler, writing, idleness,
//             shutdown); memory a connection is bounded; a browser's Origin or Host that is not
//             ours is refused.
// Threads:    its own fixed number of IO threads, on which handlers run: they must not block. Use
//             add() before start(); start() and stop() from one thread; not from a handler.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/metrics.hpp"
#include "runtime/base/result.hpp"
#include "runtime/net/authorise.hpp"
#include "runtime/net/http_message.hpp"
#include "runtime/net/responder.hpp"
#include "runtime/net/tokens.hpp"

namespace flywheel {

struct HttpLimits {
  std::size_t header_bytes_max = 16 * 1024;
  std::uint32_t connection_count_max = 4096;
  std::size_t body_bytes_total_max = 512 * 1024 * 1024;   // of all requests that are not answered
  std::size_t reply_bytes_total_max = 512 * 1024 * 1024;  // of all answers that are not taken yet
  std::chrono::milliseconds handshake_time_max{10'000};   // of TLS
  std::chrono::milliseconds header_time_max{10'000};      // from the first byte to the empty line
  std::chrono::milliseconds body_time_max{60'000};
  std::chrono::milliseconds idle_time_max{75'000};   // between two requests, and before the first
  std::chrono::milliseconds write_time_max{30'000};  // for the client to take what was written
};

struct HttpServerConfig {
  std::string address = "127.0.0.1";  // an IP address; empty = no TCP
  std::uint16_t port = 0;             // 0 = any free one: see port()
  std::string socket_path{};          // of the unix socket; empty = none
  std::uint32_t io_thread_count = 1;
  std::string certificate_path{};  // PEM chain; with key_path it turns TLS on for TCP
  std::string key_path{};
  std::shared_ptr<TokenStore> tokens{};  // required beyond loopback
  // false: a request over loopback without a token is an operator's, unless a proxy passed it on.
  bool loopback_needs_token = false;
  std::vector<std::string> origins{};  // more of our own, for example https://flywheel.example
  HttpLimits limits{};
  Metrics* metrics = &flywheel::metrics();
};

using HttpHandler = std::function<void(HttpRequest request, Responder responder)>;

struct Route {
  std::string method{};   // "GET" serves HEAD too
  std::string pattern{};  // /v1/runs/{id}; a last {rest...} takes what follows, slashes included
  Verb verb = Verb::read;
  ObjectKind object = ObjectKind::run;
  HttpHandler handler{};
  bool is_public = false;  // no token, no authorise(): only what tells nothing, such as /healthz
  std::chrono::milliseconds answer_time_max{30'000};
  std::size_t body_bytes_max = 1024 * 1024;
};

class HttpServer {
 public:
  explicit HttpServer(HttpServerConfig config);
  ~HttpServer();  // stop(0 ms)
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // A pattern that is malformed or taken is our bug.
  void add(Route route);

  // invalid_argument: an address that may not be listened on; already_exists: the port or the
  // socket is in use by a live process; unavailable: what the system says.
  Result<> start();

  // Accepts no more, ends streams and idle connections, waits up to `grace` for answers that are on
  // their way, then closes what is left.
  void stop(std::chrono::milliseconds grace = std::chrono::milliseconds{1'000});

  std::uint16_t port() const;  // after start()
  std::size_t connection_count() const;

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

// GET /healthz (public) and GET /metrics, as every node has them.
void add_standard_routes(HttpServer& server, Metrics& metrics = flywheel::metrics());

// GET /metrics alone, for who says more on /healthz.
void add_metrics_route(HttpServer& server, Metrics& metrics = flywheel::metrics());

}  // namespace flywheel
