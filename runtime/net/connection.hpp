// Connection reads the requests of one client one after the other and writes their answers.
// Internal to runtime/net.
//
//   handshake ─▶ head ─▶ (continuing) ─▶ body ─▶ answering ─▶ writing ───▶ head ...
//                  ▲                                  └──────▶ streaming ─┘      └─▶ lingering ─▶
//                  closed
//
// Guarantees: one request at a time, pipelined ones wait in at most `waiting_bytes_max`;
//             each phase has a deadline, looked at by tick().
// Threads:    its IO thread alone.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "runtime/net/authenticate.hpp"
#include "runtime/net/http_server.hpp"
#include "runtime/net/io_thread.hpp"
#include "runtime/net/responder_state.hpp"
#include "runtime/net/router.hpp"
#include "runtime/net/transport.hpp"

namespace flywheel {

// What all connections of a server share; it outlives them.
struct ServerState {
  explicit ServerState(HttpServerConfig chosen);

  HttpServerConfig config;
  Router router;
  AccessPolicy access;
  RouteMetrics unrouted;  // requests that no route took
  Gauge& connection_gauge;
  Gauge& stream_gauge;
  std::atomic<bool> is_draining{false};
  std::atomic<std::size_t> connection_count{0};
  std::atomic<std::size_t> body_bytes{0};   // announced by requests that are not answered yet
  std::atomic<std::size_t> reply_bytes{0};  // of answers that their clients have not taken yet
  std::mutex mutex;
  std::condition_variable all_closed;
};

class Connection final : public TransportUser, public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<ServerState> server, std::shared_ptr<IoThread> io,
             std::unique_ptr<Transport> transport, Peer peer);

  void start();
  void tick(SteadyTime now);  // enforces the deadlines
  void drain();               // the server stops: ends as soon as the answer under way is out
  void close();

  void answer(HttpResponse response);
  void begin_stream(std::shared_ptr<StreamState> stream);
  void pump();  // the stream has something to write

  void handshake_done(const IoError& error) override;
  void read_done(const IoError& error, std::size_t size_bytes) override;
  void write_done(const IoError& error) override;

 private:
  enum class Phase : std::uint8_t {
    handshake,
    head,
    continuing,
    body,
    answering,
    writing,
    streaming,
    lingering,
    closed,
  };
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  void enter(Phase phase, std::chrono::milliseconds time_max);
  void enter_head();
  void read_more();
  void process();  // parses what has been read
  void on_head();
  std::optional<HttpResponse> check_head();  // the refusal, if any
  std::optional<HttpResponse> find_route(std::string_view path);
  bool reserve_body(std::size_t size_bytes);  // false: all bodies together would be too large
  void shrink_body(std::size_t size_bytes);
  void release_body();
  bool reserve_reply(std::size_t size_bytes);  // false: all answers together would be too large
  void release_reply();
  void dispatch();
  void refuse(HttpResponse response);
  void refuse_parse(const IoError& error);
  void write(std::string head, std::string body);
  void write_stream(std::string bytes);
  void finish_response();
  void end_stream(bool is_client_gone);
  std::string render_head(const HttpResponse& response, bool is_stream);

  const std::shared_ptr<ServerState> server_;
  const std::shared_ptr<IoThread> io_;
  const std::unique_ptr<Transport> transport_;
  const Peer peer_;

  Phase phase_ = Phase::handshake;
  SteadyTime phase_until_{};
  std::vector<char> input_;
  std::size_t begin_ = 0;  // of what has been read and not parsed
  std::size_t end_ = 0;
  std::size_t discarded_bytes_ = 0;
  std::string output_head_;
  std::string output_body_;
  SteadyTime last_write_{};
  bool is_reading_ = false;
  bool is_writing_ = false;
  bool has_ended_ = false;  // the client sends no more

  // Of the request under way.
  std::optional<Parser> parser_;
  HttpRequest request_;
  std::string request_id_;
  const RouteEntry* route_ = nullptr;
  RouteMetrics* metrics_ = nullptr;
  std::weak_ptr<Responder::Slot> slot_;
  std::shared_ptr<StreamState> stream_;
  std::size_t stream_bytes_ = 0;                  // being written
  std::size_t body_bytes_ = 0, reply_bytes_ = 0;  // reserved
  SteadyTime started_{};
  bool is_head_method_ = false;
  bool is_http_11_ = true;
  bool is_complete_ = false;  // the whole request has been read
  bool closes_after_ = false;
};

}  // namespace flywheel
