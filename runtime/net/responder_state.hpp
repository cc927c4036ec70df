// What a Responder, an EventStream and their Connection share. Internal to runtime/net.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "runtime/net/io_thread.hpp"
#include "runtime/net/responder.hpp"

namespace flywheel {

using Callbacks = std::vector<std::function<void()>>;

// The one answer of one request. Whoever claims it first may deliver: the handler, or the server
// because the deadline passed or the connection is gone.
struct Responder::Slot {
  Slot(std::shared_ptr<IoThread> io_thread, std::weak_ptr<Connection> asking)
      : io(std::move(io_thread)), connection(std::move(asking)) {}
  ~Slot();
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;

  bool claim();
  void deliver(HttpResponse response);
  void notify_gone();

  std::shared_ptr<IoThread> io;
  std::weak_ptr<Connection> connection;
  std::atomic<bool> is_claimed{false};
  std::mutex mutex;
  bool is_gone = false;
  Callbacks when_gone;
};

// The queue between a stream's producers and its connection.
struct StreamState {
  StreamState(std::shared_ptr<IoThread> io_thread, std::weak_ptr<Connection> serving,
              StreamOptions chosen)
      : io(std::move(io_thread)), connection(std::move(serving)), options(std::move(chosen)) {}

  Sent send(std::string bytes);
  void close();

  // For the connection: what waits, joined (nothing after the end); then how much the kernel took.
  std::optional<std::string> take();
  void taken(std::size_t size_bytes);
  void end(bool is_client_gone);

  const std::shared_ptr<IoThread> io;
  const std::weak_ptr<Connection> connection;
  const StreamOptions options;

  std::mutex mutex;
  std::deque<std::string> queue;
  std::size_t queued_bytes = 0;  // of the queue and of what is being written
  std::uint64_t dropped_count = 0;
  bool is_scheduled = true;  // the connection knows that there is work, or is not ready yet
  bool is_closing = false;   // by the producer
  bool is_cut_off = false;   // the queue was full: the connection is about to be closed
  bool is_ended = false;     // nothing more will be written
  bool is_gone = false;      // ended because the client left, or was cut off
  Callbacks when_gone;
  Callbacks when_writable;

 private:
  void wake();  // tells the connection that there is work
};

}  // namespace flywheel
