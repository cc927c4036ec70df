#include "runtime/sandbox/exec_core.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "runtime/sandbox/exec_channel.hpp"

namespace flywheel {

namespace {

constexpr std::size_t input_waiting_max = 4 << 20;
constexpr int reads_a_turn = 4;       // of a stream, before others get their turn
constexpr int reads_at_end_max = 64;  // what is in a pipe when its command has ended, at most
constexpr std::chrono::seconds kill_time_max{3};

thread_local std::array<char, 64 << 10> read_buffer;

Result<> make_pipe(Descriptor& reads, Descriptor& writes) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return fail(Failure::resource_exhausted,
                std::string{"exec: no pipe can be made: "} + std::strerror(errno));
  reads.reset(ends[0]);
  writes.reset(ends[1]);
  return {};
}

// Ours alone: the command's end stays as programs expect it.
void set_nonblocking(const Descriptor& end) {
  ::fcntl(end.get(), F_SETFL, ::fcntl(end.get(), F_GETFL) | O_NONBLOCK);
}

}  // namespace

ExecCore::ExecCore(std::shared_ptr<EventLoop> loop, std::weak_ptr<ExecOwner> owner,
                   std::uint64_t number, ExecSpec spec, ExecObserver observer)
    : loop_(std::move(loop)),
      owner_(std::move(owner)),
      number_(number),
      spec_(std::move(spec)),
      observer_(std::move(observer)),
      output_(spec_.output_bytes_max),
      error_(spec_.output_bytes_max) {}

ExecCore::~ExecCore() {
  close_stream(output_);
  close_stream(error_);
  close_input_pipe();
}

Result<> ExecCore::open(int null_file, std::array<Descriptor, 3>& given) {
  started_ = last_output_ = std::chrono::steady_clock::now();
  deadline_ = started_ + spec_.wall_time_max;
  FLYWHEEL_TRY_VOID(make_pipe(output_.pipe, given[1]));
  FLYWHEEL_TRY_VOID(make_pipe(error_.pipe, given[2]));
  set_nonblocking(output_.pipe);
  set_nonblocking(error_.pipe);
  if (spec_.input.empty() && !spec_.keeps_input_open) {
    given[0].reset(::fcntl(null_file, F_DUPFD_CLOEXEC, 0));
    return {};
  }
  FLYWHEEL_TRY_VOID(make_pipe(given[0], input_));
  set_nonblocking(input_);
  input_waiting_ = spec_.input;
  closes_input_ = !spec_.keeps_input_open;
  return {};
}

void ExecCore::begin() {
  const std::lock_guard lock{mutex_};
  if (is_ended_) return;
  for (const ExecStream which : {ExecStream::output, ExecStream::error}) {
    Stream& stream = stream_of(which);
    stream.watch =
        loop_->watch(stream.pipe.get(), EPOLLIN, [self = shared_from_this(), which](std::uint32_t) {
          self->on_output(which, reads_a_turn);
        });
  }
  if (channel_) channel_->begin();
  if (input_ && !input_waiting_.empty()) watch_input();
  arm();
}

Result<> ExecCore::order(int signal) const {
  const auto owner = owner_.lock();
  if (!owner) return fail(Failure::cancelled, "exec: its container is gone");
  return channel_ ? channel_->order(signal) : owner->signal_exec(number_, signal);
}

void ExecCore::arm() {
  Time next = deadline_;
  if (spec_.silence_max.count() > 0) next = std::min(next, last_output_ + spec_.silence_max);
  if (requested_end_ != ExecEnd::exited) next = std::chrono::steady_clock::now() + kill_time_max;
  loop_->cancel(timer_);
  timer_ = loop_->at(next, [self = shared_from_this()] { self->on_time(); });
}

void ExecCore::on_time() {
  std::shared_ptr<ExecOwner> lost;
  {
    const std::lock_guard lock{mutex_};
    if (is_ended_) return;
    const Time now = std::chrono::steady_clock::now();
    if (requested_end_ != ExecEnd::exited) {
      lost = owner_.lock();  // its kill has not worked
    } else if (is_paused_) {
      return;  // resume() arms it again
    } else if (now >= deadline_) {
      request_end(ExecEnd::wall_timeout);
    } else if (spec_.silence_max.count() > 0 && now >= last_output_ + spec_.silence_max) {
      request_end(ExecEnd::silence_timeout);
    } else {
      arm();
    }
  }
  if (lost) lost->lose_exec(number_, "could not be killed");
}

void ExecCore::request_end(ExecEnd end) {
  if (is_ended_ || requested_end_ != ExecEnd::exited) return;
  requested_end_ = end;
  (void)order(0);  // where that fails, arm() sees to it that the container goes
  arm();
}

void ExecCore::pause() {
  const std::lock_guard lock{mutex_};
  is_paused_ = true;
}

void ExecCore::resume(std::chrono::steady_clock::duration paused) {
  const std::lock_guard lock{mutex_};
  if (is_ended_) return;
  is_paused_ = false;
  deadline_ += paused;
  last_output_ += paused;
  arm();
}

void ExecCore::on_output(ExecStream which, int reads_max) {
  for (int count = 0; count < reads_max; ++count) {
    ssize_t size = 0;
    {
      const std::lock_guard lock{mutex_};
      Stream& stream = stream_of(which);
      if (!stream.pipe) return;
      size = ::read(stream.pipe.get(), read_buffer.data(), read_buffer.size());
      if (size == 0) close_stream(stream);
      if (size <= 0) return;
      stream.kept.add({read_buffer.data(), static_cast<std::size_t>(size)});
      last_output_ = std::chrono::steady_clock::now();
    }
    if (observer_.on_output)
      observer_.on_output(which, {read_buffer.data(), static_cast<std::size_t>(size)});
    if (static_cast<std::size_t>(size) < read_buffer.size() / 16) return;
  }
}

void ExecCore::watch_input() {
  if (input_watch_ != 0) return;
  input_watch_ = loop_->watch(input_.get(), EPOLLOUT, [self = shared_from_this()](std::uint32_t) {
    self->on_input_room();
  });
}

void ExecCore::on_input_room() {
  const std::lock_guard lock{mutex_};
  if (!input_) return;
  const ssize_t size = ::write(input_.get(), input_waiting_.data() + input_written_,
                               input_waiting_.size() - input_written_);
  if (size < 0 && errno == EAGAIN) return;
  if (size < 0) return close_input_pipe();  // the command has closed its end
  input_written_ += static_cast<std::size_t>(size);
  if (input_written_ < input_waiting_.size()) return;
  input_waiting_.clear();
  input_written_ = 0;
  if (closes_input_) return close_input_pipe();
  loop_->unwatch(std::exchange(input_watch_, 0), input_.get());
}

void ExecCore::close_input_pipe() {
  if (!input_) return;
  loop_->unwatch(std::exchange(input_watch_, 0), input_.get());
  input_.reset();
  input_waiting_.clear();
  input_written_ = 0;
}

void ExecCore::close_stream(Stream& stream) {
  if (!stream.pipe) return;
  loop_->unwatch(std::exchange(stream.watch, 0), stream.pipe.get());
  stream.pipe.reset();
}

void ExecCore::ended(int status, std::uint64_t cpu_us, std::uint64_t memory_bytes_max) {
  ExecEnd end = WIFSIGNALED(status) ? ExecEnd::signalled : ExecEnd::exited;
  {
    const std::lock_guard lock{mutex_};
    if (is_ended_) return;
    outcome_.cpu_time = std::chrono::microseconds{cpu_us};
    outcome_.memory_bytes_max = memory_bytes_max;
    if (requested_end_ != ExecEnd::exited) end = requested_end_;
  }
  const auto owner = owner_.lock();
  const bool is_failure = status != 0 && (end == ExecEnd::exited || end == ExecEnd::signalled);
  if (is_failure && owner && owner->take_out_of_memory()) {
    end = ExecEnd::out_of_memory;
    (void)order(0);  // what it started would go on with the limit reached, watched by nobody
  }
  finish(end, WIFEXITED(status) ? WEXITSTATUS(status) : -1,
         WIFSIGNALED(status) ? WTERMSIG(status) : 0, {});
}

void ExecCore::refused(int code, const std::string& what) {
  const bool is_missing = code == ENOENT || code == ENOTDIR;
  finish(ExecEnd::not_started, is_missing ? 127 : 126, 0, what + ": " + std::strerror(code));
}

bool ExecCore::gone(const std::string& reason) {
  ExecEnd end = ExecEnd::container_gone;
  {
    const std::lock_guard lock{mutex_};
    if (requested_end_ != ExecEnd::exited) end = requested_end_;
  }
  finish(end, -1, 0, reason);
  return end != ExecEnd::container_gone;
}

void ExecCore::finish(ExecEnd end, int exit_code, int signal, std::string error) {
  if (has_ended()) return;
  on_output(ExecStream::output, reads_at_end_max);
  on_output(ExecStream::error, reads_at_end_max);
  {
    const std::lock_guard lock{mutex_};
    is_ended_ = true;
    loop_->cancel(timer_);
    close_stream(output_);
    close_stream(error_);
    close_input_pipe();
    outcome_.end = end;
    outcome_.exit_code = end == ExecEnd::exited || end == ExecEnd::not_started ? exit_code : -1;
    outcome_.signal = signal;
    outcome_.error = std::move(error);
    outcome_.output = output_.kept.text();
    outcome_.error_output = error_.kept.text();
    outcome_.output_bytes = output_.kept.byte_count();
    outcome_.error_bytes = error_.kept.byte_count();
    outcome_.is_truncated = output_.kept.is_truncated() || error_.kept.is_truncated();
    outcome_.wall_time = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - started_);
  }
  if (const auto owner = owner_.lock()) owner->forget_exec(number_);
  has_ended_.notify_all();
  // Ended: nothing writes the result any more, so it may be read without the lock.
  if (observer_.on_end) observer_.on_end(outcome_);
  observer_ = {};
}

ExecResult ExecCore::wait() {
  std::unique_lock lock{mutex_};
  has_ended_.wait(lock, [this] { return is_ended_; });
  return outcome_;
}

bool ExecCore::has_ended() const {
  const std::lock_guard lock{mutex_};
  return is_ended_;
}

ExecChunk ExecCore::read(ExecStream stream, std::uint64_t offset, std::size_t bytes_max) const {
  const std::lock_guard lock{mutex_};
  const OutputKeeper& kept = stream == ExecStream::output ? output_.kept : error_.kept;
  ExecChunk chunk;
  chunk.bytes = kept.read(offset, bytes_max, chunk.offset);
  chunk.offset_end = kept.byte_count();
  chunk.is_final = is_ended_ && chunk.offset + chunk.bytes.size() == chunk.offset_end;
  return chunk;
}

Result<> ExecCore::write_input(std::string_view bytes) {
  const std::lock_guard lock{mutex_};
  if (is_ended_ || !input_ || closes_input_)
    return fail(Failure::cancelled, "exec: its input is closed; nothing more can be written");
  if (input_waiting_.size() + bytes.size() > input_waiting_max)
    return fail(Failure::resource_exhausted,
                "exec: 4 MiB of input wait to be read by the command; try again later");
  if (bytes.empty()) return {};
  input_waiting_ += bytes;
  watch_input();
  return {};
}

void ExecCore::close_input() {
  const std::lock_guard lock{mutex_};
  closes_input_ = true;
  if (input_waiting_.empty()) close_input_pipe();
}

Result<> ExecCore::send_signal(int signal) {
  if (signal < 1 || signal > SIGRTMAX)
    return fail(Failure::invalid_argument, "exec: there is no signal " + std::to_string(signal));
  if (has_ended()) return fail(Failure::cancelled, "exec: it has ended");
  return order(signal);
}

void ExecCore::cancel() {
  const std::lock_guard lock{mutex_};
  request_end(ExecEnd::cancelled);
}

}  // namespace flywheel
