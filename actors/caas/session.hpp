// Session is a shell or a Python interpreter that stays, so that variables, imports and the working
// folder last from one run to the next.
//
//   run(code) ──▶ its standard input ──▶ interpreter ──▶ output, then a mark with the exit code
//
// Guarantees: one run at a time; each ends within its own bounds: first the code is interrupted
//             (SIGINT), and where it goes on for a second more the whole session ends; output is
//             bounded, head and tail are kept.
// Threads:    any; on_end runs on the sandbox's event thread or a caller's and must not block.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "runtime/base/clock.hpp"
#include "runtime/base/json.hpp"
#include "runtime/sandbox/container.hpp"

namespace flywheel {

enum class SessionKind : std::uint8_t { shell, python };

const char* to_string(SessionKind kind);

struct SessionRun {
  std::string code{};
  std::chrono::milliseconds wall_time_max{30'000};
  std::chrono::milliseconds silence_max{0};  // 0 = none
  std::size_t output_bytes_max = 256 << 10;  // of each stream
};

// What is kept of a stream: the head and the tail, and how much there was.
class OutputWindow {
 public:
  explicit OutputWindow(std::size_t size_max = 0) : size_max_(size_max) {}

  void add(std::string_view bytes);
  std::string text() const;
  std::uint64_t total() const { return total_; }
  bool is_truncated() const { return total_ > size_max_; }

 private:
  std::size_t size_max_;
  std::uint64_t total_ = 0;
  std::string head_;
  std::string tail_;
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  using Done = std::function<void(const ExecResult&)>;

  // Blocks until the interpreter was started; `life_max` bounds it whatever happens.
  static Result<std::shared_ptr<Session>> start(Container& box, SessionKind kind,
                                                std::vector<std::string> env,
                                                std::string working_folder,
                                                std::chrono::milliseconds life_max);

  // already_exists: another run is under way; cancelled: the session has ended.
  // The number of the run, for interrupt().
  Result<std::uint64_t> run(SessionRun run, Done done);
  void interrupt(std::uint64_t run);  // as if its time were over; its end is `cancelled`
  void tick(SteadyTime now);          // enforces the bounds of the run
  void close();

  SessionKind kind() const { return kind_; }
  bool has_ended() const;
  bool is_busy() const;

 private:
  struct Stream {
    std::string pending{};  // may be the beginning of a mark
    OutputWindow window{};
    bool has_mark = false;
  };

  explicit Session(SessionKind kind);
  void take(ExecStream stream, std::string_view bytes);
  bool scan(Stream& stream, std::string_view bytes, std::string* exit_code);
  void interpreter_ended(const ExecResult& result);
  void finish(std::unique_lock<std::mutex>& lock, ExecEnd end, int exit_code, std::string error);
  std::string framed(const std::string& code) const;

  const SessionKind kind_;
  std::string mark_;  // ends each run on both streams; random, so that output can't be taken for it
  mutable std::mutex mutex_;
  std::shared_ptr<Exec> exec_;
  bool has_ended_ = false;
  Done done_;  // of the run under way
  SessionRun run_{};
  std::uint64_t run_number_ = 0;
  Stream streams_[2];
  std::string exit_code_;
  ExecEnd forced_ = ExecEnd::exited;  // why it was interrupted
  bool is_interrupted_ = false;
  SteadyTime started_{};
  SteadyTime last_output_{};
  SteadyTime kill_at_{};
};

}  // namespace flywheel
