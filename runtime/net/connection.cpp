#include "runtime/net/connection.hpp"

#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "runtime/base/check.hpp"
#include "runtime/base/log.hpp"

namespace flywheel {

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

constexpr std::size_t read_bytes_min = 4 * 1024;
constexpr std::size_t waiting_bytes_max = 8 * 1024;  // read ahead while an answer is under way
// Beast 1.74 takes an absent limit for a limit of nothing.
constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

// Of a refused body, so that the client reads the refusal and not a reset.
constexpr std::size_t discarded_bytes_max = 1024 * 1024;

std::string copy(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

Result<NamedValues> parse_query(std::string_view text) {
  NamedValues values;
  while (!text.empty()) {
    const std::size_t end = text.find('&');
    const std::string_view pair = text.substr(0, end);
    const std::size_t equals = pair.find('=');
    if (!pair.empty()) {
      FLYWHEEL_TRY(std::string name, decode_percent(pair.substr(0, equals), true));
      std::string value;
      if (equals != std::string_view::npos) {
        FLYWHEEL_TRY(value, decode_percent(pair.substr(equals + 1), true));
      }
      values.push_back({std::move(name), std::move(value)});
    }
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return values;
}

HttpResponse bad_request(std::string_view message) {
  return error_response(400, message, to_string(Failure::invalid_input));
}

}  // namespace

ServerState::ServerState(HttpServerConfig chosen)
    : config(std::move(chosen)),
      router(*config.metrics),
      access{.tokens = config.tokens,
             .loopback_needs_token = config.loopback_needs_token,
             .address = config.address,
             .origins = config.origins},
      unrouted(*config.metrics, "none", "none"),
      connection_gauge(config.metrics->gauge("flywheel_http_connections", "Open connections.")),
      stream_gauge(config.metrics->gauge("flywheel_http_streams", "Open event streams.")) {}

Connection::Connection(std::shared_ptr<ServerState> server, std::shared_ptr<IoThread> io,
                       std::unique_ptr<Transport> transport, Peer peer)
    : server_(std::move(server)),
      io_(std::move(io)),
      transport_(std::move(transport)),
      peer_(peer) {}

void Connection::start() {
  enter(Phase::handshake, server_->config.limits.handshake_time_max);
  transport_->handshake(shared_from_this());
}

void Connection::enter(Phase phase, std::chrono::milliseconds time_max) {
  phase_ = phase;
  phase_until_ = std::chrono::steady_clock::now() + time_max;
}

void Connection::enter_head() {
  const HttpLimits& limits = server_->config.limits;
  parser_.reset();
  enter(Phase::head, begin_ < end_ ? limits.header_time_max : limits.idle_time_max);
  process();
}

void Connection::tick(SteadyTime now) {
  if (phase_ == Phase::closed) return;
  if (is_writing_ && now - last_write_ > server_->config.limits.write_time_max) return close();
  if (phase_ == Phase::streaming) {
    const auto ping_period = stream_->options.ping_period;
    const bool is_event_stream = stream_->options.content_type.starts_with("text/event-stream");
    if (!is_writing_ && is_event_stream && ping_period.count() > 0 &&
        now - last_write_ >= ping_period)
      write_stream(": ping\n\n");
    return;
  }
  if (now < phase_until_) return;
  switch (phase_) {
    case Phase::head:
      if (!parser_) return close();
      [[fallthrough]];
    case Phase::body:
      return refuse(error_response(408, "the request did not arrive in time",
                                   to_string(Failure::deadline_exceeded)));
    case Phase::answering: {
      const auto slot = slot_.lock();
      if (!slot || !slot->claim()) return;  // the answer is on its way
      return answer(error_response(
          504,
          fmt::format("{} {} was not answered within {} ms; the server gave up waiting",
                      route_->route.method, route_->route.pattern,
                      route_->route.answer_time_max.count()),
          to_string(Failure::deadline_exceeded)));
    }
    case Phase::writing:
      return;  // has the deadline of the write
    default:
      return close();
  }
}

void Connection::drain() {
  closes_after_ = true;
  if (phase_ == Phase::head && !parser_) return close();
  if (phase_ == Phase::handshake || phase_ == Phase::lingering) return close();
  if (phase_ != Phase::streaming) return;
  const auto stream = stream_;
  stream->close();
  Callbacks callbacks;
  {
    const std::lock_guard lock{stream->mutex};
    callbacks.swap(stream->when_gone);
  }
  for (const auto& callback : callbacks) callback();
}

void Connection::close() {
  if (phase_ == Phase::closed) return;
  const auto self = shared_from_this();
  phase_ = Phase::closed;
  transport_->close();
  release_body();
  release_reply();
  if (stream_) end_stream(true);
  if (const auto slot = slot_.lock()) {
    slot->notify_gone();
    slot->claim();
  }
  io_->remove(this);
  server_->connection_gauge.add(-1);
  const std::lock_guard lock{server_->mutex};
  if (--server_->connection_count == 0) server_->all_closed.notify_all();
}

void Connection::handshake_done(const IoError& error) {
  if (phase_ == Phase::closed) return;
  if (error) return close();
  enter_head();
}

void Connection::read_more() {
  if (is_reading_ || has_ended_ || phase_ == Phase::closed) return;
  const bool reads_ahead = phase_ == Phase::answering || phase_ == Phase::writing ||
                           phase_ == Phase::streaming || phase_ == Phase::continuing;
  if (reads_ahead && end_ - begin_ >= waiting_bytes_max) return;
  if (begin_ > 0) {
    std::memmove(input_.data(), input_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (input_.size() - end_ < read_bytes_min / 2)
    input_.resize(std::max(read_bytes_min, 2 * input_.size()));
  is_reading_ = true;
  transport_->read(asio::buffer(input_.data() + end_, input_.size() - end_), shared_from_this());
}

void Connection::read_done(const IoError& error, std::size_t size_bytes) {
  is_reading_ = false;
  if (phase_ == Phase::closed) return;
  if (error) {
    has_ended_ = true;
    if (phase_ == Phase::answering) {
      if (const auto slot = slot_.lock()) slot->notify_gone();
      return;
    }
    if (phase_ != Phase::writing) close();  // a half-closed client still gets the answer under way
    return;
  }
  end_ += size_bytes;
  if (phase_ == Phase::lingering) {
    discarded_bytes_ += size_bytes;
    begin_ = end_ = 0;
    if (discarded_bytes_ > discarded_bytes_max) return close();
    return read_more();
  }
  if (phase_ == Phase::head || phase_ == Phase::body) return process();
  read_more();
}

void Connection::process() {
  while (phase_ == Phase::head || phase_ == Phase::body) {
    if (begin_ == end_) break;
    if (!parser_) {
      parser_.emplace();
      parser_->header_limit(static_cast<std::uint32_t>(server_->config.limits.header_bytes_max));
      parser_->body_limit(unlimited);  // the route's own limit follows
      is_complete_ = false;
      closes_after_ = server_->is_draining;
      request_ = {};
      route_ = nullptr;
      metrics_ = nullptr;
      is_head_method_ = false;
      is_http_11_ = true;
      enter(Phase::head, server_->config.limits.header_time_max);
      request_id_ = io_->make_request_id();
    }
    IoError error;
    const std::size_t used =
        parser_->put(asio::buffer(input_.data() + begin_, end_ - begin_), error);
    begin_ += used;
    if (error && error != http::error::need_more) return refuse_parse(error);
    if (phase_ == Phase::head && parser_->is_header_done())
      on_head();
    else if (phase_ == Phase::body && parser_->is_done())
      dispatch();
    else if (error || used == 0)
      break;
  }
  // Of a body only the head of a chunk and the trailers wait for their end before they are parsed.
  if (phase_ == Phase::body && end_ - begin_ > server_->config.limits.header_bytes_max)
    return refuse(error_response(431,
                                 fmt::format("a chunk's head or the trailers are too long: they "
                                             "may have {} bytes",
                                             server_->config.limits.header_bytes_max),
                                 to_string(Failure::resource_exhausted)));
  if (phase_ == Phase::closed) return;
  if (has_ended_ && (phase_ == Phase::head || phase_ == Phase::body)) return close();
  read_more();
}

void Connection::refuse_parse(const IoError& error) {
  if (error == http::error::header_limit)
    return refuse(error_response(431,
                                 fmt::format("the headers are larger than {} bytes",
                                             server_->config.limits.header_bytes_max),
                                 to_string(Failure::resource_exhausted)));
  if (error == http::error::body_limit)
    return refuse(error_response(
        413,
        fmt::format("the body is larger than {} bytes", route_ ? route_->route.body_bytes_max : 0),
        to_string(Failure::resource_exhausted)));
  refuse(bad_request("this is not HTTP/1.1 as the server reads it: " + error.message()));
}

void Connection::refuse(HttpResponse response) {
  is_complete_ = parser_ && parser_->is_done();
  // After a request that could be read in two ways, nothing that follows can be trusted.
  const bool is_doubtful = response.status == 400 || response.status == 501;
  closes_after_ = closes_after_ || !is_complete_ || is_doubtful;
  started_ = std::chrono::steady_clock::now();
  metrics_ = route_ ? route_->metrics.get() : &server_->unrouted;
  phase_ = Phase::answering;
  answer(std::move(response));
}

void Connection::on_head() {
  auto& message = parser_->get();
  request_.method = copy(message.method_string());
  for (const auto& field : message.base())
    request_.headers.push_back({copy(field.name_string()), copy(field.value())});
  is_head_method_ = request_.method == "HEAD";
  is_http_11_ = message.version() >= 11;
  closes_after_ = closes_after_ || !parser_->keep_alive();
  if (auto refusal = check_head()) return refuse(std::move(*refusal));

  parser_->body_limit(route_->route.body_bytes_max);
  parser_->eager(true);
  enter(Phase::body, server_->config.limits.body_time_max);
  if (parser_->is_done()) return dispatch();
  const std::string_view expects = request_.header("expect");
  if (expects.empty() || !is_http_11_ || begin_ < end_) return;
  enter(Phase::continuing, server_->config.limits.body_time_max);
  write("HTTP/1.1 100 Continue\r\n\r\n", {});
}

std::optional<HttpResponse> Connection::check_head() {
  const auto& message = parser_->get();
  if (message.count(http::field::host) > 1 ||
      (is_http_11_ && message.count(http::field::host) == 0))
    return bad_request("exactly one Host header is expected");
  // Anything but plain chunks is a way to make two readers disagree on where the body ends.
  const auto encoding = message[http::field::transfer_encoding];
  if (message.count(http::field::transfer_encoding) > 0 &&
      (!is_http_11_ || !boost::beast::iequals(encoding, "chunked")))
    return error_response(501, "the only transfer encoding served is 'chunked'",
                          to_string(Failure::invalid_input));

  const std::string target = copy(message.target());
  const std::size_t end = target.find('?');
  const std::string_view path = std::string_view{target}.substr(0, end);
  if (!path.starts_with('/') || target.find('#') != std::string::npos)
    return bad_request("the request target must be a path that begins with '/'");
  auto principal = authenticate(server_->access, peer_, request_.method, request_.headers);
  if (!principal) return std::move(principal.error());
  request_.principal = std::move(*principal);
  if (auto refusal = find_route(path)) return refusal;

  const Route& route = route_->route;
  const auto length = parser_->content_length();
  if (length && *length > route.body_bytes_max)
    return error_response(413,
                          fmt::format("the body has {} bytes; {} {} takes at most {}", *length,
                                      route.method, route.pattern, route.body_bytes_max),
                          to_string(Failure::resource_exhausted));
  const bool is_chunked = message.count(http::field::transfer_encoding) > 0;
  if (!reserve_body(length ? *length : is_chunked ? route.body_bytes_max : 0)) {
    HttpResponse response =
        error_response(503, "the bodies of all requests under way take too much memory: come back",
                       to_string(Failure::resource_exhausted));
    response.headers.push_back({"retry-after", "1"});
    return response;
  }
  auto path_text = decode_percent(path);
  auto query =
      parse_query(end == std::string::npos ? "" : std::string_view{target}.substr(end + 1));
  if (!path_text || !query) return error_response(path_text ? query.error() : path_text.error());
  request_.path = std::move(*path_text);
  request_.query = std::move(*query);
  return std::nullopt;
}

bool Connection::reserve_body(std::size_t size_bytes) {
  release_body();
  const std::size_t total = server_->body_bytes.fetch_add(size_bytes) + size_bytes;
  body_bytes_ = size_bytes;
  if (size_bytes == 0 || total <= server_->config.limits.body_bytes_total_max) return true;
  release_body();
  return false;
}

// A body in chunks has reserved what its route takes at most: what it did not need is for others.
void Connection::shrink_body(std::size_t size_bytes) {
  if (size_bytes >= body_bytes_) return;
  server_->body_bytes -= body_bytes_ - size_bytes;
  body_bytes_ = size_bytes;
}

void Connection::release_body() {
  server_->body_bytes -= std::exchange(body_bytes_, 0);
}

std::optional<HttpResponse> Connection::find_route(std::string_view path) {
  const auto unauthorised = [] {
    HttpResponse response =
        error_response(401, "a token is needed: send 'Authorization: Bearer TOKEN'",
                       to_string(Failure::permission_denied));
    response.headers.push_back({"www-authenticate", "Bearer realm=\"flywheel\""});
    return response;
  };
  const bool is_anonymous = request_.principal.role == AccessRole::anonymous;
  auto match = server_->router.match(request_.method, path);
  const bool is_public = match && match->entry != nullptr && match->entry->route.is_public;
  // A stranger does not learn which paths exist.
  if (is_anonymous && !is_public) return unauthorised();
  if (!match) return error_response(match.error());
  if (match->allow.empty())
    return error_response(404, fmt::format("there is nothing at {}", path),
                          to_string(Failure::not_found));
  if (match->entry == nullptr) {
    HttpResponse response =
        request_.method == "OPTIONS"
            ? HttpResponse{.status = 204}
            : error_response(405, fmt::format("{} serves {}", path, match->allow),
                             to_string(Failure::invalid_argument));
    response.headers.push_back({"allow", match->allow});
    return response;
  }
  route_ = match->entry;
  request_.parameters = std::move(match->parameters);
  if (is_public) return std::nullopt;
  const Route& route = route_->route;
  if (auto allowed = authorise(request_.principal, route.verb, Object::collection(route.object));
      !allowed)
    return error_response(allowed.error());
  return std::nullopt;
}

void Connection::dispatch() {
  request_.body = std::move(parser_->get().body());
  shrink_body(request_.body.size());
  parser_.reset();
  is_complete_ = true;
  started_ = std::chrono::steady_clock::now();
  metrics_ = route_->metrics.get();
  enter(Phase::answering, route_->route.answer_time_max);
  request_.deadline = phase_until_;
  request_.id = request_id_;

  Responder responder;
  responder.slot_ = std::make_shared<Responder::Slot>(io_, weak_from_this());
  slot_ = responder.slot_;
  const Responder kept = responder;
  try {
    route_->route.handler(std::exchange(request_, {}), std::move(responder));
  } catch (const std::exception& error) {
    log_error("{} {} ({}): the handler threw: {}", route_->route.method, route_->route.pattern,
              request_id_, error.what());
    kept.send(error_response(500, "the server has a fault here; its log has the request's id",
                             to_string(Failure::internal)));
  }
}

}  // namespace flywheel
