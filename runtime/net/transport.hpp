// Transport moves bytes of one connection: a TCP or unix socket, plain or under TLS. Internal to
// runtime/net.
//
// Guarantees: at most one read and one write are under way at a time (the user's duty); each calls
//             back exactly once, never from inside the call that began it.
// Threads:    the thread of the socket's io_context.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/system/error_code.hpp>

namespace boost::asio::ssl {
class context;
}

namespace flywheel {

using IoError = boost::system::error_code;
using StreamSocket = boost::asio::generic::stream_protocol::socket;

class TransportUser {
 public:
  virtual ~TransportUser() = default;
  virtual void handshake_done(const IoError& error) = 0;
  virtual void read_done(const IoError& error, std::size_t size_bytes) = 0;
  virtual void write_done(const IoError& error) = 0;
};

class Transport {
 public:
  virtual ~Transport() = default;
  virtual void handshake(std::shared_ptr<TransportUser> user) = 0;
  virtual void read(boost::asio::mutable_buffer into, std::shared_ptr<TransportUser> user) = 0;
  // Writes both buffers whole, in order; they must live until write_done().
  virtual void write(std::array<boost::asio::const_buffer, 2> parts,
                     std::shared_ptr<TransportUser> user) = 0;
  virtual void end_writing() = 0;  // tells the peer that nothing more will come
  virtual void close() = 0;        // what is under way calls back with an error
};

std::unique_ptr<Transport> make_plain_transport(StreamSocket socket);
std::unique_ptr<Transport> make_tls_transport(StreamSocket socket,
                                              boost::asio::ssl::context& context);

}  // namespace flywheel
