#include "runtime/net/transport.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

namespace flywheel {

namespace {

namespace asio = boost::asio;

// One implementation for both kinds of stream; they differ in the handshake and in the farewell.
template <class Stream>
class StreamTransport : public Transport {
 public:
  template <class... Args>
  explicit StreamTransport(Args&&... args) : stream_(std::forward<Args>(args)...) {}

  void read(asio::mutable_buffer into, std::shared_ptr<TransportUser> user) override {
    stream_.async_read_some(into, [user = std::move(user)](IoError error, std::size_t size_bytes) {
      user->read_done(error, size_bytes);
    });
  }

  void write(std::array<asio::const_buffer, 2> parts,
             std::shared_ptr<TransportUser> user) override {
    asio::async_write(stream_, parts, [user = std::move(user)](IoError error, std::size_t) {
      user->write_done(error);
    });
  }

  void close() override {
    IoError ignored;
    stream_.lowest_layer().close(ignored);
  }

 protected:
  Stream stream_;
};

class PlainTransport final : public StreamTransport<StreamSocket> {
 public:
  using StreamTransport::StreamTransport;

  void handshake(std::shared_ptr<TransportUser> user) override {
    asio::post(stream_.get_executor(), [user = std::move(user)] { user->handshake_done({}); });
  }

  void end_writing() override {
    IoError ignored;
    stream_.shutdown(asio::socket_base::shutdown_send, ignored);
  }
};

class TlsTransport final : public StreamTransport<asio::ssl::stream<StreamSocket>> {
 public:
  using StreamTransport::StreamTransport;

  void handshake(std::shared_ptr<TransportUser> user) override {
    stream_.async_handshake(
        asio::ssl::stream_base::server,
        [user = std::move(user)](const IoError& error) { user->handshake_done(error); });
  }

  // The farewell record (close_notify) can't be sent while a read is under way in OpenSSL's engine;
  // HTTP's own framing already tells the peer where a reply ends, so closing the socket is enough.
  void end_writing() override {
    IoError ignored;
    stream_.lowest_layer().shutdown(asio::socket_base::shutdown_send, ignored);
  }
};

}  // namespace

std::unique_ptr<Transport> make_plain_transport(StreamSocket socket) {
  return std::make_unique<PlainTransport>(std::move(socket));
}

std::unique_ptr<Transport> make_tls_transport(StreamSocket socket, asio::ssl::context& context) {
  return std::make_unique<TlsTransport>(std::move(socket), context);
}

}  // namespace flywheel
