// The half of Connection that writes: answers, streams, and what follows them.
#include <array>
#include <charconv>

#include "runtime/base/check.hpp"
#include "runtime/base/log.hpp"
#include "runtime/net/connection.hpp"

namespace flywheel {

namespace {

namespace asio = boost::asio;

constexpr std::chrono::milliseconds linger_time_max{1'000};
// What so small an answer tells may be known nowhere else: the id of what the request has made.
constexpr std::size_t small_reply_bytes = 64 * 1024;
constexpr std::string_view last_chunk = "0\r\n\r\n";

// A value with a line end would let whoever chose it write headers of its own.
bool is_safe_header(const NamedValue& header) {
  const auto has_control = [](std::string_view text) {
    for (const char c : text)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return true;
    return false;
  };
  return !header.name.empty() && !has_control(header.name) && !has_control(header.value);
}

bool has_no_body(int status) {
  return status < 200 || status == 204 || status == 304;
}

void append_number(std::string& text, std::uint64_t number, int base = 10) {
  std::array<char, 24> digits{};
  const auto [end, code] =
      std::to_chars(digits.data(), digits.data() + digits.size(), number, base);
  text.append(digits.data(), end);
}

void append_header(std::string& text, std::string_view name, std::string_view value) {
  text.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

std::string Connection::render_head(const HttpResponse& response, bool is_stream) {
  std::string head;
  head.reserve(512);
  head += "HTTP/1.1 ";
  append_number(head, static_cast<std::uint64_t>(response.status));
  head.append(" ").append(reason_of(response.status)).append("\r\n");
  if (!has_no_body(response.status)) {
    append_header(head, "content-type", response.content_type);
    if (!is_stream) {
      head += "content-length: ";
      append_number(head, response.body.size());
      head += "\r\n";
    } else if (is_http_11_) {
      append_header(head, "transfer-encoding", "chunked");
    }
  }
  append_header(head, "date", io_->date());
  if (!request_id_.empty()) append_header(head, "x-request-id", request_id_);
  const auto taken = std::chrono::steady_clock::now() - started_;
  head += "openai-processing-ms: ";
  append_number(head, static_cast<std::uint64_t>(
                          std::chrono::duration_cast<std::chrono::milliseconds>(taken).count()));
  head += "\r\nx-content-type-options: nosniff\r\n";
  // What is not made for a browser must do nothing in one; a page brings its own policy.
  if (find_header(response.headers, "content-security-policy") == nullptr)
    head += "content-security-policy: default-src 'none'; frame-ancestors 'none'\r\n";
  if (find_header(response.headers, "cache-control") == nullptr)
    head += "cache-control: no-store\r\n";
  for (const NamedValue& header : response.headers) {
    if (is_safe_header(header))
      append_header(head, header.name, header.value);
    else
      log_error("{}: a response header with control characters was left out", request_id_);
  }
  if (closes_after_)
    append_header(head, "connection", "close");
  else if (!is_http_11_)
    append_header(head, "connection", "keep-alive");
  head += "\r\n";
  return head;
}

bool Connection::reserve_reply(std::size_t size_bytes) {
  const std::size_t total = server_->reply_bytes.fetch_add(size_bytes) + size_bytes;
  reply_bytes_ += size_bytes;
  // One answer alone always may go out: what it is the server has decided. Small ones are bounded
  // by the count of connections.
  if (total <= server_->config.limits.reply_bytes_total_max || total == size_bytes ||
      size_bytes <= small_reply_bytes)
    return true;
  release_reply();
  return false;
}

void Connection::release_reply() {
  server_->reply_bytes -= std::exchange(reply_bytes_, 0);
}

void Connection::answer(HttpResponse response) {
  if (phase_ != Phase::answering) return;  // closed in the meantime
  if (!reserve_reply(response.body.size())) {
    response = error_response(503,
                              "the answers that clients have not read take too much memory: "
                              "come back",
                              to_string(Failure::resource_exhausted));
    response.headers.push_back({"retry-after", "1"});
  }
  closes_after_ = closes_after_ || server_->is_draining;
  const auto taken = std::chrono::steady_clock::now() - started_;
  metrics_->count(response.status, std::chrono::duration<double>(taken).count());
  std::string head = render_head(response, false);
  if (is_head_method_ || has_no_body(response.status)) response.body.clear();
  phase_ = Phase::writing;
  write(std::move(head), std::move(response.body));
}

void Connection::begin_stream(std::shared_ptr<StreamState> stream) {
  if (phase_ != Phase::answering) return stream->end(true);
  closes_after_ = closes_after_ || server_->is_draining || !is_http_11_;
  const auto taken = std::chrono::steady_clock::now() - started_;
  metrics_->count(200, std::chrono::duration<double>(taken).count());
  const HttpResponse response{.content_type = stream->options.content_type,
                              .headers = stream->options.headers};
  std::string head = render_head(response, true);
  if (is_head_method_ || has_ended_) {
    stream->end(true);
    closes_after_ = closes_after_ || has_ended_;
    phase_ = Phase::writing;
    return write(std::move(head), {});
  }
  stream_ = std::move(stream);
  stream_bytes_ = 0;
  server_->stream_gauge.add(1);
  phase_ = Phase::streaming;
  if (begin_ == end_ && !is_reading_) {  // thousands of streams idle most of the time
    input_.clear();
    input_.shrink_to_fit();
    begin_ = end_ = 0;
  }
  write(std::move(head), {});
  if (server_->is_draining) stream_->close();
}

void Connection::write(std::string head, std::string body) {
  FLYWHEEL_CHECK(!is_writing_);
  output_head_ = std::move(head);
  output_body_ = std::move(body);
  is_writing_ = true;
  last_write_ = std::chrono::steady_clock::now();
  transport_->write({asio::buffer(output_head_), asio::buffer(output_body_)}, shared_from_this());
}

void Connection::write_stream(std::string bytes) {
  std::string head;
  if (is_http_11_) {
    append_number(head, bytes.size(), 16);
    head += "\r\n";
    bytes += "\r\n";
  }
  write(std::move(head), std::move(bytes));
}

void Connection::pump() {
  if (phase_ != Phase::streaming || is_writing_) return;
  auto bytes = stream_->take();
  if (!bytes) {
    end_stream(false);
    phase_ = Phase::writing;
    return write(is_http_11_ ? std::string{last_chunk} : std::string{}, {});
  }
  if (bytes->empty()) return;
  stream_bytes_ = bytes->size();
  write_stream(std::move(*bytes));
}

void Connection::write_done(const IoError& error) {
  is_writing_ = false;
  if (phase_ == Phase::closed) return;
  if (error) return close();
  switch (phase_) {
    case Phase::continuing:
      enter(Phase::body, server_->config.limits.body_time_max);
      return process();
    case Phase::writing:
      return finish_response();
    case Phase::streaming:
      output_head_ = {};
      output_body_ = {};
      stream_->taken(std::exchange(stream_bytes_, 0));
      return pump();
    default:
      return;
  }
}

void Connection::finish_response() {
  release_body();
  output_body_ = {};
  release_reply();
  slot_.reset();
  output_head_.clear();
  if (!closes_after_) return enter_head();
  // Closing with input unread would reset the connection, and the client might never see the
  // answer.
  if (is_complete_ && begin_ == end_) {
    transport_->end_writing();
    return close();
  }
  enter(Phase::lingering, linger_time_max);
  transport_->end_writing();
  begin_ = end_ = 0;
  discarded_bytes_ = 0;
  read_more();
}

void Connection::end_stream(bool is_client_gone) {
  server_->stream_gauge.add(-1);
  const auto stream = std::exchange(stream_, nullptr);
  stream->end(is_client_gone);
}

}  // namespace flywheel
