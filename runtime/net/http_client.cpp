#include "runtime/net/http_client.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "runtime/net/client_stream.hpp"
#include "runtime/net/event_reader.hpp"

namespace flywheel {

namespace {

namespace http = boost::beast::http;
using Parser = http::response_parser<http::string_body>;

constexpr std::size_t header_bytes_max = 64 * 1024;
// Beast 1.74 takes an absent limit for a limit of nothing.
constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

std::string copy(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

bool has_line_end(std::string_view text) {
  return text.find_first_of(std::string_view{"\r\n\0", 3}) != std::string_view::npos;
}

// The Error that the server had, from a reply with a status of 400 or more.
Error error_of(const HttpReply& reply, const std::string& where) {
  Error error{failure_of(reply.status), where + ": the server answered " +
                                            std::to_string(reply.status) + " " +
                                            reason_of(reply.status)};
  const auto body = parse_json(reply.body, "reply");
  if (!body || !body->is_object() || !body->contains("error")) return error;
  const Json& detail = (*body)["error"];
  if (const auto message = json_field<std::string>(detail, "message", "error"))
    error.message = *message;
  if (const auto code = json_field<std::string>(detail, "code", "error"))
    for (int i = 1; i <= static_cast<int>(Failure::internal); ++i)
      if (*code == to_string(static_cast<Failure>(i))) error.failure = static_cast<Failure>(i);
  return error;
}

}  // namespace

Result<Endpoint> Endpoint::parse(std::string_view text) {
  const auto refuse = [&] {
    return fail(Failure::invalid_argument,
                "'" + std::string{text} +
                    "' is not the address of a server: write unix:PATH or http://HOST:PORT");
  };
  if (text.starts_with("unix:") && text.size() > 5)
    return Endpoint::unix_socket(std::string{text.substr(5)});
  Endpoint endpoint;
  std::string_view rest = text;
  if (rest.starts_with("https://")) {
    endpoint.uses_tls = true;
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else {
    return refuse();
  }
  if (rest.ends_with('/')) rest.remove_suffix(1);
  const std::size_t bracket = rest.find(']');
  const std::size_t colon = rest.find(':', bracket == std::string_view::npos ? 0 : bracket);
  std::string_view host = rest.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  endpoint.host = host;
  endpoint.port = endpoint.uses_tls ? 443 : 80;
  if (colon != std::string_view::npos) {
    const std::string_view digits = rest.substr(colon + 1);
    const auto [end, code] = std::from_chars(digits.begin(), digits.end(), endpoint.port);
    if (code != std::errc{} || end != digits.end() || endpoint.port == 0) return refuse();
  }
  if (endpoint.host.empty() || endpoint.host.find_first_of("/@?# ") != std::string::npos)
    return refuse();
  return endpoint;
}

std::string to_string(const Endpoint& endpoint) {
  if (!endpoint.socket_path.empty()) return "unix:" + endpoint.socket_path;
  const bool is_v6 = endpoint.host.find(':') != std::string::npos;
  return std::string{endpoint.uses_tls ? "https://" : "http://"} +
         (is_v6 ? "[" + endpoint.host + "]" : endpoint.host) + ":" + std::to_string(endpoint.port);
}

struct HttpClient::Inner {
  Endpoint endpoint;
  HttpClientConfig config;
  std::unique_ptr<ClientStream> stream{};
  std::string input{};  // read and not parsed

  Result<std::string> render(const HttpCall& call) const;
  Result<> send(const HttpCall& call, SteadyTime until);
  Result<bool> read_some(Parser& parser, const std::string& where, SteadyTime until);
  Result<HttpReply> receive(const HttpCall& call, SteadyTime until);
  void keep_or_close(const Parser& parser);
};

Result<std::string> HttpClient::Inner::render(const HttpCall& call) const {
  if (has_line_end(call.target) || call.target.find(' ') != std::string::npos ||
      !call.target.starts_with('/'))
    return fail(Failure::invalid_argument, "'" + call.target + "' is not an encoded path");
  const std::string authority = to_string(endpoint);
  const std::string host =
      endpoint.socket_path.empty() ? authority.substr(authority.find("//") + 2) : "localhost";
  std::string text = call.method + " " + call.target + " HTTP/1.1\r\nhost: " + host + "\r\n";
  if (!config.token.empty()) text += "authorization: Bearer " + config.token + "\r\n";
  for (const NamedValue& header : call.headers) {
    if (has_line_end(header.name) || has_line_end(header.value))
      return fail(Failure::invalid_argument, "a header '" + header.name + "' has a line end");
    text += header.name + ": " + header.value + "\r\n";
  }
  if (!call.body.empty() || call.method == "POST" || call.method == "PUT" || call.method == "PATCH")
    text += "content-length: " + std::to_string(call.body.size()) + "\r\n";
  text += "\r\n";
  text += call.body;
  return text;
}

Result<> HttpClient::Inner::send(const HttpCall& call, SteadyTime until) {
  FLYWHEEL_TRY(const std::string text, render(call));
  if (!stream || !stream->is_open()) {
    input.clear();
    FLYWHEEL_TRY(stream, ClientStream::connect(endpoint, config, until));
  }
  return stream->write(text, until);
}

// Reads and parses once; false = the server ended the connection.
Result<bool> HttpClient::Inner::read_some(Parser& parser, const std::string& where,
                                          SteadyTime until) {
  const auto not_http = [&](const IoError& error) {
    stream.reset();
    if (error == http::error::body_limit)
      return fail(Failure::resource_exhausted, where + ": the reply is larger than " +
                                                   std::to_string(config.reply_bytes_max) +
                                                   " bytes");
    return fail(Failure::invalid_input, where + ": the reply is not HTTP: " + error.message());
  };
  IoError error;
  if (!input.empty()) {
    const std::size_t used = parser.put(boost::asio::buffer(input), error);
    input.erase(0, used);
    if (error && error != http::error::need_more) return not_http(error);
    if (parser.is_done() || used > 0) return true;
  }
  std::array<char, 16 * 1024> bytes;
  FLYWHEEL_TRY(const std::size_t count, stream->read(bytes.data(), bytes.size(), until));
  input.append(bytes.data(), count);
  if (count > 0) return true;
  if (!parser.got_some()) return false;
  parser.put_eof(error);
  if (error) return not_http(error);
  return false;
}

void HttpClient::Inner::keep_or_close(const Parser& parser) {
  if (!parser.is_done() || !parser.keep_alive() || !input.empty()) stream.reset();
}

Result<HttpReply> HttpClient::Inner::receive(const HttpCall& call, SteadyTime until) {
  const std::string where = call.method + " " + to_string(endpoint) + call.target;
  while (true) {
    Parser parser;
    parser.header_limit(header_bytes_max);
    parser.body_limit(config.reply_bytes_max);
    parser.eager(true);
    parser.skip(call.method == "HEAD");
    while (!parser.is_done()) {
      FLYWHEEL_TRY(const bool goes_on, read_some(parser, where, until));
      if (goes_on || parser.is_done()) continue;
      stream.reset();
      return fail(Failure::unavailable, where + ": the server closed the connection unanswered");
    }
    const auto& message = parser.get();
    if (message.result_int() / 100 == 1) continue;
    HttpReply reply{.status = static_cast<int>(message.result_int())};
    for (const auto& field : message.base())
      reply.headers.push_back({copy(field.name_string()), copy(field.value())});
    reply.body = std::move(parser.get().body());
    keep_or_close(parser);
    return reply;
  }
}

HttpClient::HttpClient(Endpoint endpoint, HttpClientConfig config)
    : inner_(std::make_unique<Inner>(Inner{std::move(endpoint), std::move(config)})) {}
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;

Result<HttpReply> HttpClient::call(const HttpCall& call) {
  const SteadyTime until = std::chrono::steady_clock::now() + call.time_max;
  const bool is_reused = inner_->stream && inner_->stream->is_open();
  const auto attempt = [&]() -> Result<HttpReply> {
    FLYWHEEL_TRY_VOID(inner_->send(call, until));
    return inner_->receive(call, until);
  };
  Result<HttpReply> reply = attempt();
  // A kept connection may be closed just when it is used again; what only reads can be repeated.
  const bool can_repeat = is_reused && (call.method == "GET" || call.method == "HEAD");
  if (!reply && reply.error().failure == Failure::unavailable && can_repeat) reply = attempt();
  if (!reply) inner_->stream.reset();
  return reply;
}

Result<Json> HttpClient::get_json(std::string target, std::chrono::milliseconds time_max) {
  const std::string where = "GET " + to_string(inner_->endpoint) + target;
  FLYWHEEL_TRY(const HttpReply reply, call({.target = std::move(target), .time_max = time_max}));
  if (reply.status >= 400) return fail(error_of(reply, where));
  return parse_json(reply.body, where);
}

Result<Json> HttpClient::post_json(std::string target, const Json& body,
                                   std::chrono::milliseconds time_max) {
  const std::string where = "POST " + to_string(inner_->endpoint) + target;
  FLYWHEEL_TRY(const HttpReply reply, call({.method = "POST",
                                            .target = std::move(target),
                                            .body = dump_json(body),
                                            .headers = {{"content-type", "application/json"}},
                                            .time_max = time_max}));
  if (reply.status >= 400) return fail(error_of(reply, where));
  if (reply.body.empty()) return Json{};
  return parse_json(reply.body, where);
}

Result<> HttpClient::read_events(const HttpCall& call, std::chrono::milliseconds silence_max,
                                 const std::function<bool(ServerEvent)>& callback) {
  const std::string where = call.method + " " + to_string(inner_->endpoint) + call.target;
  const SteadyTime until = std::chrono::steady_clock::now() + call.time_max;
  HttpCall asking = call;
  asking.headers.push_back({"accept", "text/event-stream"});
  inner_->stream.reset();  // a stream has a connection of its own
  FLYWHEEL_TRY_VOID(inner_->send(asking, until));
  Parser parser;
  parser.header_limit(header_bytes_max);
  parser.body_limit(unlimited);
  parser.eager(true);
  EventReader reader;
  const auto leave = [&](Result<> result) {
    inner_->stream.reset();
    return result;
  };
  while (!parser.is_done()) {
    const SteadyTime read_until =
        parser.is_header_done() ? std::chrono::steady_clock::now() + silence_max : until;
    auto goes_on = inner_->read_some(parser, where, read_until);
    if (!goes_on) return leave(fail(std::move(goes_on.error())));
    if (!*goes_on && !parser.is_done())
      return leave(fail(Failure::unavailable, where + ": the server closed the connection"));
    if (parser.get().body().size() > inner_->config.reply_bytes_max)
      return leave(fail(Failure::resource_exhausted, where + ": the reply is larger than allowed"));
    if (!parser.is_header_done() || parser.get().result_int() != 200) continue;
    for (ServerEvent& event : reader.add(std::exchange(parser.get().body(), {})))
      if (!callback(std::move(event))) return leave({});
    if (reader.waiting_bytes() > inner_->config.reply_bytes_max)
      return leave(fail(Failure::resource_exhausted, where + ": an event is larger than allowed"));
  }
  HttpReply reply{.status = static_cast<int>(parser.get().result_int()),
                  .body = std::move(parser.get().body())};
  return leave(reply.status == 200 ? Result<>{} : fail(error_of(reply, where)));
}

}  // namespace flywheel
