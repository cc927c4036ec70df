// Responder is the right to answer one request: once, now or later, from any thread.
//
//   handler(request, responder) ──▶ responder.json(...)                  at once, or
//                               └─▶ kept, and answered by another thread, or
//                               └─▶ responder.open_stream() ──▶ EventStream.send(...)* ─▶ close()
//
// Guarantees: the first answer counts, later ones return false; when the route's deadline passes
// the
//             server answers 504; when every copy is gone unanswered the server answers 503 at
//             once.
// Threads:    every function of both classes may be called from any thread, also after the server
// has
//             gone; callbacks run on an IO thread (or on the caller's, where the client is gone
//             already) and must not block.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "runtime/net/http_message.hpp"

namespace flywheel {

// What send() does when the stream's queue is full because the client reads too slowly.
enum class Overflow : std::uint8_t {
  refuse,       // send() returns `full`; when_writable() tells when to go on
  drop_oldest,  // the oldest events that wait are dropped and counted: for live views
  disconnect,   // the client is cut off, and comes back with its Last-Event-ID
};

struct StreamOptions {
  std::string content_type = "text/event-stream";
  Overflow overflow = Overflow::disconnect;
  std::size_t queue_bytes_max = 256 * 1024;       // encoded, not yet given to the kernel
  std::chrono::milliseconds ping_period{15'000};  // a comment line when nothing was sent; 0 = never
  NamedValues headers{};
};

enum class Sent : std::uint8_t { queued, dropped_oldest, full, closed };

class EventStream {
 public:
  EventStream() = default;  // a stream that is closed

  Sent send(const ServerEvent& event) const;
  Sent send_bytes(std::string bytes) const;  // as they are: for content types other than events

  // Ends the reply after what is queued; the last copy's end does the same.
  void close() const;

  bool is_open() const;                 // false once closed or the client is gone
  std::uint64_t dropped_count() const;  // by Overflow::drop_oldest

  // Calls back once: when the client is gone before close() was through.
  void when_gone(std::function<void()> callback) const;
  // Calls back once: when at most half of the queue is used, or the stream has ended.
  void when_writable(std::function<void()> callback) const;

 private:
  friend class Responder;
  struct Handle;
  std::shared_ptr<Handle> handle_;
};

class Responder {
 public:
  Responder() = default;  // one that was answered

  // All return false where the request was answered before (or its deadline was).
  bool send(HttpResponse response) const;
  bool json(const Json& body, int status = 200) const;
  bool text(std::string body, int status = 200) const;
  bool error(const Error& error) const;

  // The reply's head goes out at once; closed where the request was answered before.
  EventStream open_stream(StreamOptions options = {}) const;

  bool is_answered() const;

  // Calls back once: when the client is gone before the answer was given.
  void when_gone(std::function<void()> callback) const;

 private:
  friend class Connection;
  struct Slot;
  std::shared_ptr<Slot> slot_;
};

}  // namespace flywheel
