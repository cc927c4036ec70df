#include "runtime/net/client_stream.hpp"

#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/write.hpp>
#include <sys/socket.h>

#include "runtime/net/unix_listener.hpp"

namespace flywheel {

namespace asio = boost::asio;
using GenericEndpoint = asio::generic::stream_protocol::endpoint;

ClientStream::ClientStream(std::string where)
    : stream_(context_, tls_context_), where_(std::move(where)) {}

ClientStream::~ClientStream() = default;

// Begins one operation and waits for its end; at the deadline the socket is closed, which ends it.
template <class Begin>
IoError ClientStream::run(SteadyTime until, Begin begin) {
  std::optional<IoError> result;
  begin([&result](const IoError& error, auto&&...) { result = error; });
  context_.restart();
  context_.run_until(until);
  if (result) return *result;
  IoError ignored;
  stream_.next_layer().close(ignored);
  context_.restart();
  context_.run();
  return asio::error::timed_out;
}

tl::unexpected<Error> ClientStream::failure(const char* what, const IoError& error) {
  IoError ignored;
  stream_.next_layer().close(ignored);
  if (error == asio::error::timed_out)
    return fail(Failure::deadline_exceeded, where_ + ": " + what + ": the time is over");
  std::string message = where_ + ": " + what + ": " + error.message();
  if (error == asio::error::connection_refused ||
      error == boost::system::errc::no_such_file_or_directory)
    message += "; is the server running?";
  return fail(Failure::unavailable, std::move(message));
}

Result<std::unique_ptr<ClientStream>> ClientStream::connect(const Endpoint& endpoint,
                                                            const HttpClientConfig& config,
                                                            SteadyTime until) {
  std::unique_ptr<ClientStream> stream{new ClientStream{to_string(endpoint)}};
  FLYWHEEL_TRY_VOID(stream->connect_socket(endpoint, until));
  if (endpoint.uses_tls) FLYWHEEL_TRY_VOID(stream->start_tls(endpoint, config, until));
  return stream;
}

Result<> ClientStream::connect_socket(const Endpoint& endpoint, SteadyTime until) {
  std::optional<UnixAddress> unix_address;
  std::vector<GenericEndpoint> targets;
  IoError error;
  if (!endpoint.socket_path.empty()) {
    FLYWHEEL_TRY(UnixAddress address, UnixAddress::of(endpoint.socket_path));
    unix_address.emplace(std::move(address));
    targets.emplace_back(&unix_address->address(), sizeof(sockaddr_un));
  } else if (const auto address = asio::ip::make_address(endpoint.host, error); !error) {
    targets.emplace_back(asio::ip::tcp::endpoint{address, endpoint.port});
  } else {
    asio::ip::tcp::resolver resolver{context_};
    for (const auto& entry : resolver.resolve(endpoint.host, std::to_string(endpoint.port), error))
      targets.emplace_back(entry.endpoint());
    if (error) return failure("the host name can't be resolved", error);
  }
  for (const GenericEndpoint& target : targets) {
    StreamSocket& socket = stream_.next_layer();
    socket.close(error);
    error = run(until, [&](auto done) { socket.async_connect(target, std::move(done)); });
    if (!error) {
      if (endpoint.socket_path.empty()) {
        IoError ignored;
        socket.set_option(asio::ip::tcp::no_delay(true), ignored);
      }
      return {};
    }
    if (error == asio::error::timed_out) break;
  }
  return failure("can't connect", error);
}

Result<> ClientStream::start_tls(const Endpoint& endpoint, const HttpClientConfig& config,
                                 SteadyTime until) {
  IoError error;
  if (config.authority_path.empty())
    tls_context_.set_default_verify_paths(error);
  else
    tls_context_.load_verify_file(config.authority_path, error);
  if (error)
    return fail(Failure::invalid_input, "certificates " + config.authority_path + ": " +
                                            error.message() + "; a PEM file is expected");
  // The stream took its settings from the context when it was made: it needs them itself.
  SSL* const engine = stream_.native_handle();
  SSL_set_min_proto_version(engine, TLS1_2_VERSION);
  stream_.set_verify_mode(asio::ssl::verify_peer);
  stream_.set_verify_callback(asio::ssl::host_name_verification(endpoint.host));
  SSL_set_tlsext_host_name(engine, endpoint.host.c_str());
  error = run(until, [&](auto done) {
    stream_.async_handshake(asio::ssl::stream_base::client, std::move(done));
  });
  if (error) return failure("TLS handshake", error);
  uses_tls_ = true;
  return {};
}

Result<> ClientStream::write(std::string_view bytes, SteadyTime until) {
  const auto buffer = asio::buffer(bytes.data(), bytes.size());
  const IoError error = run(until, [&](auto done) {
    if (uses_tls_)
      asio::async_write(stream_, buffer, std::move(done));
    else
      asio::async_write(stream_.next_layer(), buffer, std::move(done));
  });
  // Whoever refuses a body may close while we still write it: the refusal can be read nevertheless.
  const bool may_have_answered =
      error == asio::error::broken_pipe || error == asio::error::connection_reset;
  if (error && !may_have_answered) return failure("writing", error);
  return {};
}

Result<std::size_t> ClientStream::read(char* into, std::size_t size_bytes, SteadyTime until) {
  std::size_t count = 0;
  const auto buffer = asio::buffer(into, size_bytes);
  const IoError error = run(until, [&](auto done) {
    const auto keep = [&count, done = std::move(done)](const IoError& code, std::size_t read) {
      count = read;
      done(code);
    };
    if (uses_tls_)
      stream_.async_read_some(buffer, keep);
    else
      stream_.next_layer().async_read_some(buffer, keep);
  });
  if (error == asio::error::eof || error == asio::ssl::error::stream_truncated) {
    IoError ignored;
    stream_.next_layer().close(ignored);
    return std::size_t{0};
  }
  if (error) return failure("reading", error);
  return count;
}

bool ClientStream::is_open() const {
  auto& socket = const_cast<ClientStream*>(this)->stream_.next_layer();
  if (!socket.is_open()) return false;
  char byte = 0;
  const auto seen = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (seen < 0) return errno == EAGAIN;
  return seen > 0 && uses_tls_;  // TLS sends tickets unasked; plain HTTP never speaks first
}

}  // namespace flywheel
