#include "runtime/net/http_server.hpp"

#include <array>
#include <utility>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/check.hpp"
#include "runtime/base/log.hpp"
#include "runtime/net/connection.hpp"
#include "runtime/net/unix_listener.hpp"

namespace flywheel {

namespace asio = boost::asio;
using boost::asio::ip::tcp;
using LocalSocket = asio::local::stream_protocol;

struct HttpServer::Inner {
  explicit Inner(HttpServerConfig config)
      : state(std::make_shared<ServerState>(std::move(config))) {}

  Result<> open();
  void discard();  // what open() has made before it failed
  Result<> use_tls();
  Result<> check_address(const asio::ip::address& address);
  Result<> listen_tcp();
  Result<> listen_unix();
  template <class Acceptor>
  void accept(Acceptor& acceptor);
  void adopt(tcp::socket socket, const std::shared_ptr<IoThread>& io);
  void adopt(LocalSocket::socket socket, const std::shared_ptr<IoThread>& io);
  void add_connection(StreamSocket socket, const std::shared_ptr<IoThread>& io, Peer peer,
                      bool uses_tls);
  template <class Work>
  void for_each_connection(Work work);

  std::shared_ptr<ServerState> state;
  std::vector<std::shared_ptr<IoThread>> io_threads;
  std::size_t next_io_thread = 0;
  std::optional<asio::ssl::context> tls;
  std::optional<tcp::acceptor> tcp_acceptor;
  std::optional<LocalSocket::acceptor> unix_acceptor;
  std::optional<UnixListener> unix_listener;
  std::uint16_t port = 0;
  bool is_running = false;
};

namespace {

constexpr std::chrono::milliseconds accept_pause{100};  // when the process has no descriptors left

tl::unexpected<Error> listen_failure(const std::string& where, const IoError& error) {
  const bool is_taken = error == asio::error::address_in_use;
  return fail(is_taken ? Failure::already_exists : Failure::unavailable,
              "http server " + where + ": " + error.message() +
                  (is_taken ? "; stop the process that listens there, or use another port" : ""));
}

// A short refusal for whom there is no room; what the socket's buffer does not take is lost.
void turn_away(StreamSocket& socket) {
  const HttpResponse refusal = error_response(503, "the server has as many connections as it takes",
                                              to_string(Failure::resource_exhausted));
  const std::string text = fmt::format(
      "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 1\r\n"
      "content-type: {}\r\ncontent-length: {}\r\n\r\n{}",
      refusal.content_type, refusal.body.size(), refusal.body);
  [[maybe_unused]] const auto sent =
      ::send(socket.native_handle(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace

Result<> HttpServer::Inner::use_tls() {
  const HttpServerConfig& config = state->config;
  if (config.certificate_path.empty() != config.key_path.empty())
    return fail(Failure::invalid_argument,
                "http server: TLS needs both a certificate and a key; one of the paths is empty");
  if (config.certificate_path.empty()) return {};
  tls.emplace(asio::ssl::context::tls_server);
  IoError error;
  tls->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                       asio::ssl::context::no_tlsv1_1,
                   error);
  tls->use_certificate_chain_file(config.certificate_path, error);
  if (error)
    return fail(Failure::invalid_input, "http server: certificate " + config.certificate_path +
                                            ": " + error.message() + "; a PEM chain is expected");
  tls->use_private_key_file(config.key_path, asio::ssl::context::pem, error);
  if (error)
    return fail(Failure::invalid_input, "http server: key " + config.key_path + ": " +
                                            error.message() + "; the PEM key of " +
                                            config.certificate_path + " is expected");
  return {};
}

Result<> HttpServer::Inner::check_address(const asio::ip::address& address) {
  const HttpServerConfig& config = state->config;
  if (config.loopback_needs_token && !config.tokens)
    return fail(Failure::invalid_argument,
                "http server: tokens are asked for, but there is no token store");
  if (address.is_loopback()) return {};
  if (!tls)
    return fail(Failure::invalid_argument,
                "http server: " + config.address +
                    " is not a loopback address, and TLS is off: give a certificate and a key");
  if (!config.tokens || config.tokens->list().empty())
    return fail(Failure::invalid_argument,
                "http server: " + config.address +
                    " is not a loopback address, and there are no tokens: make one first");
  state->access.loopback_needs_token = true;  // one rule for everybody who comes to that port
  return {};
}

Result<> HttpServer::Inner::listen_tcp() {
  const HttpServerConfig& config = state->config;
  if (config.address.empty()) return {};
  const std::string where = fmt::format("{}:{}", config.address, config.port);
  IoError error;
  const auto address = asio::ip::make_address(config.address, error);
  if (error)
    return fail(Failure::invalid_argument,
                "http server: '" + config.address + "' is not an IP address");
  FLYWHEEL_TRY_VOID(check_address(address));
  const tcp::endpoint endpoint{address, config.port};
  tcp_acceptor.emplace(io_threads[0]->context());
  tcp_acceptor->open(endpoint.protocol(), error);
  if (!error) tcp_acceptor->set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) tcp_acceptor->bind(endpoint, error);
  if (!error) tcp_acceptor->listen(asio::socket_base::max_listen_connections, error);
  if (!error) port = tcp_acceptor->local_endpoint(error).port();
  if (error) return listen_failure(where, error);
  return {};
}

Result<> HttpServer::Inner::listen_unix() {
  if (state->config.socket_path.empty()) return {};
  FLYWHEEL_TRY(unix_listener, UnixListener::open(state->config.socket_path));
  unix_acceptor.emplace(io_threads[0]->context());
  IoError error;
  unix_acceptor->assign(LocalSocket{}, unix_listener->descriptor(), error);
  if (error) return listen_failure(state->config.socket_path, error);
  return {};
}

Result<> HttpServer::Inner::open() {
  const std::uint32_t count = std::max<std::uint32_t>(1, state->config.io_thread_count);
  for (std::uint32_t i = 0; i < count; ++i) io_threads.push_back(std::make_shared<IoThread>());
  FLYWHEEL_TRY_VOID(use_tls());
  FLYWHEEL_TRY_VOID(listen_tcp());
  FLYWHEEL_TRY_VOID(listen_unix());
  return {};
}

void HttpServer::Inner::discard() {
  if (unix_listener) unix_listener->remove_file();
  unix_listener.reset();
  unix_acceptor.reset();
  tcp_acceptor.reset();
  tls.reset();
  io_threads.clear();
}

template <class Acceptor>
void HttpServer::Inner::accept(Acceptor& acceptor) {
  const auto io = io_threads[next_io_thread++ % io_threads.size()];
  auto socket = std::make_shared<typename Acceptor::protocol_type::socket>(io->context());
  acceptor.async_accept(*socket, [this, &acceptor, io, socket](const IoError& error) {
    if (error == asio::error::operation_aborted || !acceptor.is_open()) return;
    if (!error) {
      adopt(std::move(*socket), io);
      return accept(acceptor);
    }
    // Most likely no descriptors are left: some will be free again.
    auto pause = std::make_shared<asio::steady_timer>(acceptor.get_executor(), accept_pause);
    pause->async_wait([this, &acceptor, pause](const IoError&) {
      if (acceptor.is_open()) accept(acceptor);
    });
  });
}

void HttpServer::Inner::adopt(tcp::socket socket, const std::shared_ptr<IoThread>& io) {
  IoError error;
  socket.set_option(tcp::no_delay(true), error);
  const auto remote = socket.remote_endpoint(error);
  if (error) return;  // gone already
  const bool is_mapped = remote.address().is_v6() && remote.address().to_v6().is_v4_mapped();
  const Peer peer{.is_loopback = remote.address().is_loopback() && !is_mapped};
  add_connection(StreamSocket{std::move(socket)}, io, peer, tls.has_value());
}

void HttpServer::Inner::adopt(LocalSocket::socket socket, const std::shared_ptr<IoThread>& io) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  const bool is_known =
      ::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0;
  const Peer peer{
      .is_unix = true,
      .is_same_user = is_known && (credentials.uid == 0 || credentials.uid == ::geteuid())};
  add_connection(StreamSocket{std::move(socket)}, io, peer, false);
}

void HttpServer::Inner::add_connection(StreamSocket socket, const std::shared_ptr<IoThread>& io,
                                       Peer peer, bool uses_tls) {
  if (state->connection_count >= state->config.limits.connection_count_max) {
    if (!uses_tls) turn_away(socket);
    return;
  }
  ++state->connection_count;
  state->connection_gauge.add(1);
  auto transport = uses_tls ? make_tls_transport(std::move(socket), *tls)
                            : make_plain_transport(std::move(socket));
  auto connection = std::make_shared<Connection>(state, io, std::move(transport), peer);
  io->dispatch([io = io.get(), connection = std::move(connection)] {
    io->add(connection);
    connection->start();
  });
}

template <class Work>
void HttpServer::Inner::for_each_connection(Work work) {
  for (const auto& io : io_threads)
    io->post([io = io.get(), work] {
      for (const auto& connection : io->connections()) work(*connection);
    });
}

HttpServer::HttpServer(HttpServerConfig config)
    : inner_(std::make_unique<Inner>(std::move(config))) {}

HttpServer::~HttpServer() {
  stop(std::chrono::milliseconds{0});
}

void HttpServer::add(Route route) {
  FLYWHEEL_CHECK(!inner_->is_running);
  inner_->state->router.add(std::move(route));
}

Result<> HttpServer::start() {
  FLYWHEEL_CHECK(!inner_->is_running);
  Inner& inner = *inner_;
  if (auto opened = inner.open(); !opened) {
    inner.discard();
    return opened;
  }
  inner.is_running = true;
  if (inner.tcp_acceptor) inner.accept(*inner.tcp_acceptor);
  if (inner.unix_acceptor) inner.accept(*inner.unix_acceptor);
  for (const auto& io : inner.io_threads) io->start();
  return {};
}

void HttpServer::stop(std::chrono::milliseconds grace) {
  Inner& inner = *inner_;
  if (!std::exchange(inner.is_running, false)) return;
  if (inner.unix_listener) inner.unix_listener->remove_file();
  inner.state->is_draining = true;
  inner.io_threads[0]->post([&inner] {
    IoError ignored;
    if (inner.tcp_acceptor) inner.tcp_acceptor->close(ignored);
    if (inner.unix_acceptor) inner.unix_acceptor->close(ignored);
  });
  inner.for_each_connection([](Connection& connection) { connection.drain(); });
  {
    std::unique_lock lock{inner.state->mutex};
    inner.state->all_closed.wait_for(lock, grace,
                                     [&] { return inner.state->connection_count == 0; });
  }
  for (const auto& io : inner.io_threads) io->stop();
}

std::uint16_t HttpServer::port() const {
  return inner_->port;
}

std::size_t HttpServer::connection_count() const {
  return inner_->state->connection_count;
}

void add_standard_routes(HttpServer& server, Metrics& metrics) {
  server.add({.method = "GET",
              .pattern = "/healthz",
              .handler =
                  [](HttpRequest, Responder responder) {
                    responder.json({{"status", "ok"}});
                  },
              .is_public = true});
  add_metrics_route(server, metrics);
}

void add_metrics_route(HttpServer& server, Metrics& metrics) {
  server.add({.method = "GET",
              .pattern = "/metrics",
              .verb = Verb::read,
              .object = ObjectKind::metric,
              .handler = [&metrics](HttpRequest, Responder responder) {
                HttpResponse response = text_response(
                    &metrics == &flywheel::metrics() ? metrics_text() : metrics.text());
                response.content_type = "text/plain; version=0.0.4; charset=utf-8";
                responder.send(std::move(response));
              }});
}

}  // namespace flywheel
