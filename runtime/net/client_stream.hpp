// ClientStream is one connection to a server, with blocking calls that end at a deadline. Internal
// to runtime/net.
//
// Guarantees: after an error the connection is closed.
// Threads:    one at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include "runtime/base/clock.hpp"
#include "runtime/net/http_client.hpp"
#include "runtime/net/transport.hpp"

namespace flywheel {

class ClientStream {
 public:
  // unavailable, deadline_exceeded; invalid_input: a certificate that is not trusted.
  static Result<std::unique_ptr<ClientStream>> connect(const Endpoint& endpoint,
                                                       const HttpClientConfig& config,
                                                       SteadyTime until);
  ~ClientStream();

  Result<> write(std::string_view bytes, SteadyTime until);

  // At least one byte; none = the server has ended the connection.
  Result<std::size_t> read(char* into, std::size_t size_bytes, SteadyTime until);

  bool is_open() const;  // false also when the server has closed it in the meantime

 private:
  explicit ClientStream(std::string where);
  Result<> connect_socket(const Endpoint& endpoint, SteadyTime until);
  Result<> start_tls(const Endpoint& endpoint, const HttpClientConfig& config, SteadyTime until);
  template <class Begin>
  boost::system::error_code run(SteadyTime until, Begin begin);
  tl::unexpected<Error> failure(const char* what, const boost::system::error_code& error);

  boost::asio::io_context context_{1};
  boost::asio::ssl::context tls_context_{boost::asio::ssl::context::tls_client};
  boost::asio::ssl::stream<StreamSocket> stream_;  // under a plain endpoint only its next layer
  bool uses_tls_ = false;
  std::string where_;
};

}  // namespace flywheel
