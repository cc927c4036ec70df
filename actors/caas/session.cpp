#include "actors/caas/session.hpp"

#include <algorithm>
#include <csignal>
#include <utility>

#include <fmt/format.h>

#include "runtime/base/base64.hpp"
#include "runtime/base/id.hpp"

namespace flywheel {
namespace {

using namespace std::chrono_literals;

constexpr auto interrupt_grace = 1s;

// Reads a line of base 64 a run; the value of a last expression is shown as a prompt would.
constexpr const char* python_driver = R"(
import ast, base64, os, sys, traceback
mark = sys.argv[1]
lines = os.fdopen(os.dup(0), 'rb')
null = os.open('/dev/null', os.O_RDONLY)
os.dup2(null, 0)
sys.stdout, sys.stderr = (open(number, 'w', buffering=1, encoding='utf-8', closefd=False,
                               errors='backslashreplace') for number in (1, 2))
names = {'__name__': '__main__', '__builtins__': __builtins__}
def run(code):
    tree = ast.parse(code, '<session>')
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, '<session>', 'exec'), names)
    if last is not None:
        value = eval(compile(ast.Expression(last.value), '<session>', 'eval'), names)
        if value is not None:
            names['_'] = value
            print(repr(value))
while True:
    try:
        line = lines.readline()
    except KeyboardInterrupt:
        continue
    if not line:
        break
    code = 0
    try:
        run(base64.b64decode(line).decode('utf-8', 'surrogateescape'))
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if not isinstance(end.code, int) and end.code is not None:
            print(end.code, file=sys.stderr)
    except BaseException as error:
        code = 130 if isinstance(error, KeyboardInterrupt) else 1
        trace = error.__traceback__
        while trace and trace.tb_frame.f_code.co_filename != '<session>':
            trace = trace.tb_next
        traceback.print_exception(type(error), error, trace)
    while True:
        try:
            for stream in (sys.stdout, sys.stderr):
                try:
                    stream.flush()
                except (OSError, ValueError):
                    pass
            os.write(1, ('\x1e%s %d\n' % (mark, code)).encode())
            os.write(2, ('\x1e%s %d\n' % (mark, code)).encode())
            break
        except KeyboardInterrupt:
            pass
)";

constexpr const char* shell_start =
    "if command -v bash >/dev/null 2>&1; then exec bash --noprofile --norc; else exec sh; fi";

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string{"'\\''"} : std::string{c};
  return result + "'";
}

}  // namespace

const char* to_string(SessionKind kind) {
  return kind == SessionKind::shell ? "shell" : "python";
}

void OutputWindow::add(std::string_view bytes) {
  total_ += bytes.size();
  const std::size_t head_max = size_max_ / 2;
  const std::size_t into_head = std::min(bytes.size(), head_max - std::min(head_max, head_.size()));
  head_.append(bytes.substr(0, into_head));
  bytes.remove_prefix(into_head);
  const std::size_t tail_max = size_max_ - head_max;
  if (bytes.size() > tail_max) bytes.remove_prefix(bytes.size() - tail_max);
  tail_.append(bytes);
  // Cut in large pieces: each byte moves a bounded number of times.
  if (tail_.size() > 2 * tail_max) tail_.erase(0, tail_.size() - tail_max);
}

std::string OutputWindow::text() const {
  if (!is_truncated()) return head_ + tail_;
  const std::size_t tail_max = size_max_ - size_max_ / 2;
  const std::size_t kept = std::min(tail_.size(), tail_max);
  return fmt::format("{}\n[{} bytes left out]\n{}", head_, total_ - head_.size() - kept,
                     std::string_view{tail_}.substr(tail_.size() - kept));
}

Session::Session(SessionKind kind)
    : kind_(kind), mark_(to_string(make_any_id(IdKind::wait, system_clock()))) {}

Result<std::shared_ptr<Session>> Session::start(Container& box, SessionKind kind,
                                                std::vector<std::string> env,
                                                std::string working_folder,
                                                std::chrono::milliseconds life_max) {
  std::shared_ptr<Session> session{new Session{kind}};
  ExecSpec spec;
  if (kind == SessionKind::python) {
    spec.command = {"python3", "-c", python_driver, session->mark_};
    spec.uses_zygote = true;
  } else {
    spec.command = {"/bin/sh", "-c", shell_start};
  }
  spec.keeps_input_open = true;
  spec.env = std::move(env);
  spec.working_folder = std::move(working_folder);
  spec.wall_time_max = life_max;
  spec.output_bytes_max = 4096;  // the runs keep their own
  const std::weak_ptr<Session> weak = session;
  ExecObserver observer;
  observer.on_output = [weak](ExecStream stream, std::string_view bytes) {
    if (const auto alive = weak.lock()) alive->take(stream, bytes);
  };
  observer.on_end = [weak](const ExecResult& result) {
    if (const auto alive = weak.lock()) alive->interpreter_ended(result);
  };
  FLYWHEEL_TRY(auto exec, box.start(spec, std::move(observer)));
  // The shell survives an interrupt; what it runs does not.
  if (kind == SessionKind::shell) FLYWHEEL_TRY_VOID(exec->write_input("trap : INT\n"));
  const std::lock_guard lock{session->mutex_};
  session->exec_ = std::move(exec);
  return session;
}

bool Session::has_ended() const {
  const std::lock_guard lock{mutex_};
  return has_ended_;
}

bool Session::is_busy() const {
  const std::lock_guard lock{mutex_};
  return static_cast<bool>(done_);
}

std::string Session::framed(const std::string& code) const {
  if (kind_ == SessionKind::python) return encode_base64(code) + "\n";
  return fmt::format(
      "eval {} </dev/null; {{ __c=$?; printf '\\036{} %d\\n' $__c; printf '\\036{} %d\\n' $__c "
      ">&2; "
      "}}\n",
      quoted(code), mark_, mark_);
}

Result<std::uint64_t> Session::run(SessionRun run, Done done) {
  std::shared_ptr<Exec> exec;
  std::string frame;
  std::uint64_t number = 0;
  {
    const std::lock_guard lock{mutex_};
    if (has_ended_) return fail(Failure::cancelled, "the session has ended: open another");
    if (done_)
      return fail(Failure::already_exists, "the session runs something else: wait for its end");
    frame = framed(run.code);
    run_ = std::move(run);
    for (Stream& stream : streams_) stream = {{}, OutputWindow{run_.output_bytes_max}, false};
    exit_code_.clear();
    forced_ = ExecEnd::exited;
    is_interrupted_ = false;
    started_ = last_output_ = std::chrono::steady_clock::now();
    done_ = std::move(done);
    number = ++run_number_;
    exec = exec_;
  }
  auto written = exec->write_input(frame);
  if (written) return number;
  const std::lock_guard lock{mutex_};
  if (!done_) return number;  // its end was told already
  done_ = nullptr;
  return fail(std::move(written.error()));
}

void Session::interrupt(std::uint64_t run) {
  std::shared_ptr<Exec> exec;
  {
    const std::lock_guard lock{mutex_};
    if (!done_ || has_ended_ || run != run_number_ || is_interrupted_) return;
    forced_ = ExecEnd::cancelled;
    is_interrupted_ = true;
    kill_at_ = std::chrono::steady_clock::now() + interrupt_grace;
    exec = exec_;
  }
  (void)exec->send_signal(SIGINT);  // tick() sees to it where it goes on
}

// Output up to the mark, which may come in pieces. True: the mark is there.
bool Session::scan(Stream& stream, std::string_view bytes, std::string* exit_code) {
  if (stream.has_mark) return true;
  stream.pending.append(bytes);
  const std::string mark = "\x1e" + mark_ + " ";
  const auto at = stream.pending.find(mark);
  if (at != std::string::npos) {
    const auto line_end = stream.pending.find('\n', at);
    if (line_end == std::string::npos && stream.pending.size() < at + mark.size() + 16)
      return false;
    stream.window.add(std::string_view{stream.pending}.substr(0, at));
    *exit_code = stream.pending.substr(at + mark.size(), 8);
    stream.pending.clear();
    stream.has_mark = true;
    return true;
  }
  // All but what may be the beginning of a mark is output.
  const auto begin = stream.pending.size() < mark.size()
                         ? stream.pending.find('\x1e')
                         : stream.pending.find('\x1e', stream.pending.size() - mark.size() + 1);
  const std::size_t sure = begin == std::string::npos ? stream.pending.size() : begin;
  stream.window.add(std::string_view{stream.pending}.substr(0, sure));
  stream.pending.erase(0, sure);
  return false;
}

void Session::take(ExecStream stream, std::string_view bytes) {
  std::unique_lock lock{mutex_};
  if (!done_) return;  // between two runs: of something that was left in the background
  last_output_ = std::chrono::steady_clock::now();
  std::string ignored;
  const bool is_output = stream == ExecStream::output;
  scan(streams_[is_output ? 0 : 1], bytes, is_output ? &exit_code_ : &ignored);
  if (!streams_[0].has_mark || !streams_[1].has_mark) return;
  int exit_code = 0;
  for (const char c : exit_code_)
    if (c >= '0' && c <= '9') exit_code = (exit_code * 10 + (c - '0')) % 1000;
  finish(lock, is_interrupted_ ? forced_ : ExecEnd::exited, exit_code, {});
}

void Session::interpreter_ended(const ExecResult& result) {
  std::unique_lock lock{mutex_};
  has_ended_ = true;
  if (!done_) return;
  for (Stream& stream : streams_) stream.window.add(stream.pending);
  const bool is_forced = is_interrupted_ && result.end != ExecEnd::out_of_memory &&
                         result.end != ExecEnd::container_gone;
  finish(lock, is_forced ? forced_ : result.end, result.exit_code,
         result.error.empty() ? "the session ended with this run" : result.error);
}

void Session::finish(std::unique_lock<std::mutex>& lock, ExecEnd end, int exit_code,
                     std::string error) {
  ExecResult result;
  result.end = end;
  result.exit_code = end == ExecEnd::exited ? exit_code : -1;
  result.output = streams_[0].window.text();
  result.error_output = streams_[1].window.text();
  result.output_bytes = streams_[0].window.total();
  result.error_bytes = streams_[1].window.total();
  result.is_truncated = streams_[0].window.is_truncated() || streams_[1].window.is_truncated();
  result.wall_time = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - started_);
  result.error = std::move(error);
  const Done done = std::exchange(done_, nullptr);
  lock.unlock();
  done(result);
}

void Session::tick(SteadyTime now) {
  std::shared_ptr<Exec> exec;
  bool is_killing = false;
  {
    const std::lock_guard lock{mutex_};
    if (!done_ || has_ended_) return;
    if (is_interrupted_) {
      if (now < kill_at_) return;
      is_killing = true;
    } else {
      const bool is_late = now >= started_ + run_.wall_time_max;
      const bool is_silent = run_.silence_max.count() > 0 && now >= last_output_ + run_.silence_max;
      if (!is_late && !is_silent) return;
      forced_ = is_late ? ExecEnd::wall_timeout : ExecEnd::silence_timeout;
      is_interrupted_ = true;
      kill_at_ = now + interrupt_grace;
    }
    exec = exec_;
  }
  if (is_killing)
    exec->cancel();
  else
    (void)exec->send_signal(SIGINT);
}

void Session::close() {
  std::shared_ptr<Exec> exec;
  {
    const std::lock_guard lock{mutex_};
    exec = exec_;
  }
  if (exec) exec->cancel();
}

}  // namespace flywheel
