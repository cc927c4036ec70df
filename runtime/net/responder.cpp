#include "runtime/net/responder.hpp"

#include "runtime/net/connection.hpp"
#include "runtime/net/responder_state.hpp"

namespace flywheel {

namespace {

void run_all(const Callbacks& callbacks) {
  for (const auto& callback : callbacks) callback();
}

}  // namespace

Responder::Slot::~Slot() {
  if (!claim()) return;
  deliver(error_response(503, "the part of the server that had this request dropped it unanswered",
                         to_string(Failure::unavailable)));
}

bool Responder::Slot::claim() {
  if (is_claimed.exchange(true)) return false;
  Callbacks unneeded;  // destroyed outside the lock: they may hold what locks again
  const std::lock_guard lock{mutex};
  unneeded.swap(when_gone);
  return true;
}

void Responder::Slot::deliver(HttpResponse response) {
  io->dispatch([asking = connection, answer = std::move(response)]() mutable {
    if (const auto alive = asking.lock()) alive->answer(std::move(answer));
  });
}

void Responder::Slot::notify_gone() {
  Callbacks callbacks;
  {
    const std::lock_guard lock{mutex};
    is_gone = true;
    callbacks.swap(when_gone);
  }
  run_all(callbacks);
}

bool Responder::send(HttpResponse response) const {
  if (!slot_ || !slot_->claim()) return false;
  slot_->deliver(std::move(response));
  return true;
}

bool Responder::json(const Json& body, int status) const {
  return !is_answered() && send(json_response(body, status));
}

bool Responder::text(std::string body, int status) const {
  return send(text_response(std::move(body), status));
}

bool Responder::error(const Error& error) const {
  return send(error_response(error));
}

bool Responder::is_answered() const {
  return !slot_ || slot_->is_claimed;
}

void Responder::when_gone(std::function<void()> callback) const {
  if (!slot_) return;
  {
    const std::lock_guard lock{slot_->mutex};
    if (slot_->is_claimed) return;
    if (!slot_->is_gone) {
      slot_->when_gone.push_back(std::move(callback));
      return;
    }
  }
  callback();
}

struct EventStream::Handle {
  explicit Handle(std::shared_ptr<StreamState> shared) : state(std::move(shared)) {}
  ~Handle() { state->close(); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  std::shared_ptr<StreamState> state;
};

EventStream Responder::open_stream(StreamOptions options) const {
  if (!slot_ || !slot_->claim()) return {};
  auto state = std::make_shared<StreamState>(slot_->io, slot_->connection, std::move(options));
  const bool is_posted = slot_->io->dispatch([asking = slot_->connection, state] {
    if (const auto alive = asking.lock())
      alive->begin_stream(state);
    else
      state->end(true);
  });
  if (!is_posted) state->end(true);
  EventStream stream;
  stream.handle_ = std::make_shared<EventStream::Handle>(std::move(state));
  return stream;
}

Sent EventStream::send(const ServerEvent& event) const {
  return is_open() ? handle_->state->send(encode_event(event)) : Sent::closed;
}

Sent EventStream::send_bytes(std::string bytes) const {
  if (bytes.empty()) return is_open() ? Sent::queued : Sent::closed;
  return handle_ ? handle_->state->send(std::move(bytes)) : Sent::closed;
}

void EventStream::close() const {
  if (handle_) handle_->state->close();
}

bool EventStream::is_open() const {
  if (!handle_) return false;
  const std::lock_guard lock{handle_->state->mutex};
  return !handle_->state->is_closing && !handle_->state->is_ended;
}

std::uint64_t EventStream::dropped_count() const {
  if (!handle_) return 0;
  const std::lock_guard lock{handle_->state->mutex};
  return handle_->state->dropped_count;
}

void EventStream::when_gone(std::function<void()> callback) const {
  if (!handle_) return;
  {
    const std::lock_guard lock{handle_->state->mutex};
    if (!handle_->state->is_ended) {
      handle_->state->when_gone.push_back(std::move(callback));
      return;
    }
    if (!handle_->state->is_gone) return;
  }
  callback();
}

void EventStream::when_writable(std::function<void()> callback) const {
  if (!handle_) return;
  {
    const std::lock_guard lock{handle_->state->mutex};
    StreamState& state = *handle_->state;
    if (!state.is_ended && state.queued_bytes > state.options.queue_bytes_max / 2) {
      state.when_writable.push_back(std::move(callback));
      return;
    }
  }
  callback();
}

Sent StreamState::send(std::string bytes) {
  const std::size_t size_bytes = bytes.size();
  Sent sent = Sent::queued;
  {
    const std::lock_guard lock{mutex};
    if (is_closing || is_ended) return Sent::closed;
    // A single event larger than the bound may pass when nothing else waits: it can't get smaller.
    while (queued_bytes > 0 && queued_bytes + size_bytes > options.queue_bytes_max) {
      if (options.overflow == Overflow::refuse) return Sent::full;
      if (options.overflow == Overflow::disconnect) {
        is_closing = true;
        is_cut_off = true;
        queue.clear();
        io->post([serving = connection] {
          if (const auto alive = serving.lock()) alive->close();
        });
        return Sent::closed;
      }
      if (queue.empty()) {  // all that counts is being written already: the new one is the oldest
        ++dropped_count;
        return Sent::dropped_oldest;
      }
      queued_bytes -= queue.front().size();
      queue.pop_front();
      ++dropped_count;
      sent = Sent::dropped_oldest;
    }
    queue.push_back(std::move(bytes));
    queued_bytes += size_bytes;
    if (is_scheduled) return sent;
    is_scheduled = true;
  }
  wake();
  return sent;
}

void StreamState::close() {
  {
    const std::lock_guard lock{mutex};
    if (is_closing || is_ended) return;
    is_closing = true;
    if (is_scheduled) return;
    is_scheduled = true;
  }
  wake();
}

void StreamState::wake() {
  const bool is_posted = io->post([serving = connection] {
    if (const auto alive = serving.lock()) alive->pump();
  });
  if (!is_posted) end(true);
}

std::optional<std::string> StreamState::take() {
  const std::lock_guard lock{mutex};
  // Whoever is cut off must not see a proper end: what was sent before is not all there was.
  if (is_cut_off) return std::string{};
  if (queue.empty()) {
    if (is_closing) return std::nullopt;
    is_scheduled = false;
    return std::string{};
  }
  std::string bytes = std::move(queue.front());
  queue.pop_front();
  // Many small events go out in one write; a large one keeps its buffer.
  constexpr std::size_t joined_bytes_max = 64 * 1024;
  while (!queue.empty() && bytes.size() + queue.front().size() <= joined_bytes_max) {
    bytes += queue.front();
    queue.pop_front();
  }
  return bytes;
}

void StreamState::taken(std::size_t size_bytes) {
  Callbacks callbacks;
  {
    const std::lock_guard lock{mutex};
    queued_bytes -= size_bytes;
    if (queued_bytes <= options.queue_bytes_max / 2) callbacks.swap(when_writable);
  }
  run_all(callbacks);
}

void StreamState::end(bool is_client_gone) {
  Callbacks gone;
  Callbacks writable;
  std::deque<std::string> dropped;
  {
    const std::lock_guard lock{mutex};
    if (is_ended) return;
    is_ended = true;
    is_gone = is_client_gone;
    gone.swap(when_gone);
    writable.swap(when_writable);
    dropped.swap(queue);
  }
  run_all(writable);
  if (is_client_gone) run_all(gone);
}

}  // namespace flywheel
