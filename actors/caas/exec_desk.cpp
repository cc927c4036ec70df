#include "actors/caas/exec_desk.hpp"

#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "actors/caas/container_view.hpp"
#include "actors/caas/logged_exec.hpp"
#include "runtime/base/log.hpp"

namespace flywheel {

// One command from begin() to its end.
struct ExecDesk::Running {
  std::shared_ptr<LiveContainer> live{};
  std::shared_ptr<Container> box{};
  std::shared_ptr<LiveExec> exec{};
  ExecSpec spec{};
  ExecHandlers handlers{};
  const char* kind = "";        // in the trajectory
  std::uint64_t command = 0;    // its place there
  std::size_t event_bytes = 0;  // that a byte of output may take until a client has read it
};

namespace {

std::uint64_t now_ms(const Clock& clock) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(clock.now().time_since_epoch())
          .count());
}

EndCause cause_of_main(const ExecResult& result) {
  if (result.end == ExecEnd::out_of_memory)
    return {ContainerState::oom_killed, "out_of_memory", "its main command ran out of memory"};
  if (result.end == ExecEnd::exited || result.end == ExecEnd::signalled)
    return {ContainerState::exited, "main_exited", "its main command ended", result.exit_code,
            result.signal};
  return {ContainerState::failed, "main_failed",
          fmt::format("its main command: {}{}{}", to_string(result.end),
                      result.error.empty() ? "" : ": ", result.error)};
}

}  // namespace

ExecDesk::ExecDesk(const CaasLimits& limits, const Clock& clock, ContainerTable& table,
                   ContainerStore& store, GroupCommit& commit, WorkQueue& workers, Metrics& metrics)
    : limits_(limits),
      clock_(clock),
      table_(table),
      store_(store),
      commit_(commit),
      workers_(workers),
      metrics_(metrics),
      seconds_(metrics.histogram("flywheel_caas_exec_seconds", "Commands, from start to end.")) {}

Result<> ExecDesk::check_bounds(const LiveContainer& live, std::size_t output_bytes) const {
  if (live.record.state != ContainerState::running || live.cause)
    return fail(Failure::cancelled, fmt::format("{} is {}: only a running container takes commands",
                                                to_string(live.id), to_string(live.record.state)));
  if (running_count_ >= limits_.exec_count_max)
    return fail(Failure::resource_exhausted,
                fmt::format("{} commands run and {} are the limit: come back when some have ended",
                            running_count_, limits_.exec_count_max));
  if (live.execs.size() >= limits_.exec_count_max_per_container)
    return fail(Failure::resource_exhausted,
                fmt::format("{} has {} commands, which is the limit: wait for some to end",
                            to_string(live.id), live.execs.size()));
  return check_output(output_bytes);
}

Result<> ExecDesk::check_output(std::size_t output_bytes) const {
  if (*output_bytes_ + output_bytes > limits_.output_bytes_max)
    return fail(Failure::resource_exhausted,
                "the output that all running commands may keep is at its limit: ask for less with "
                "'max_output_bytes', or come back");
  return {};
}

Result<std::shared_ptr<OutputBudget>> ExecDesk::reserve(std::size_t output_bytes) {
  const std::lock_guard lock{table_.mutex};
  FLYWHEEL_TRY_VOID(check_output(output_bytes));
  return std::make_shared<OutputBudget>(output_bytes_, output_bytes);
}

Result<std::shared_ptr<void>> ExecDesk::begin_run(const std::shared_ptr<LiveContainer>& live,
                                                  std::size_t output_bytes) {
  const std::lock_guard lock{table_.mutex};
  FLYWHEEL_TRY_VOID(check_bounds(*live, output_bytes));
  auto budget = std::make_shared<OutputBudget>(output_bytes_, output_bytes);
  ++live->running_count;  // it is not idle meanwhile
  ++running_count_;
  live->record.active_ms = now_ms(clock_);
  return std::shared_ptr<void>{nullptr, [this, live, budget](std::nullptr_t) {
                                 const std::lock_guard leaving{table_.mutex};
                                 --live->running_count;
                                 --running_count_;
                                 live->record.active_ms = now_ms(clock_);
                               }};
}

std::shared_ptr<LiveExec> ExecDesk::keep(LiveContainer& live, Json request, ExecResult result) {
  auto exec = std::make_shared<LiveExec>();
  exec->request = std::move(request);
  exec->is_detached = true;
  exec->started_ms = now_ms(clock_);
  exec->exec = std::make_shared<LoggedExec>(result);
  const std::uint64_t size_bytes = result.output.size() + result.error_output.size();
  result.output.clear();
  result.error_output.clear();
  exec->ended = std::move(result);
  const std::lock_guard lock{table_.mutex};
  make_room(live);
  exec->budget = std::make_shared<OutputBudget>(output_bytes_, size_bytes);
  exec->number = ++live.exec_count;
  live.execs.emplace(exec->number, exec);
  return exec;
}

// Detached commands that ended give way to new ones, the oldest first.
void ExecDesk::make_room(LiveContainer& live) const {
  for (auto at = live.execs.begin();
       at != live.execs.end() && live.execs.size() >= limits_.exec_count_max_per_container;)
    at = at->second->ended ? live.execs.erase(at) : std::next(at);
}

Result<std::shared_ptr<LiveExec>> ExecDesk::begin(const std::shared_ptr<LiveContainer>& live,
                                                  const ExecRequest& request, ExecHandlers handlers,
                                                  bool is_main) {
  auto running = std::make_shared<Running>();
  running->live = live;
  running->spec = request.spec;
  running->kind = request.logged_kind();
  running->event_bytes = request.is_streamed ? event_bytes_max : 0;
  running->handlers = std::move(handlers);
  running->exec = std::make_shared<LiveExec>();
  LiveExec& exec = *running->exec;
  exec.request = request.logged_json();
  exec.is_detached = request.is_detached;
  exec.is_main = is_main;
  exec.output_bytes = 2 * (1 + running->event_bytes) * request.spec.output_bytes_max;
  exec.started_ms = now_ms(clock_);
  // Asked for first: a number of the trajectory that is given has to get its entry.
  if (!workers_.has_room(1))
    return fail(Failure::resource_exhausted, "too many requests wait for a worker: come back");
  {
    const std::lock_guard lock{table_.mutex};
    make_room(*live);
    FLYWHEEL_TRY_VOID(check_bounds(*live, exec.output_bytes));
    exec.number = ++live->exec_count;
    running->command = live->command_count++;
    running->box = live->box;
    live->execs.emplace(exec.number, running->exec);
    live->record.active_ms = exec.started_ms;
    ++live->running_count;
    ++running_count_;
    exec.budget = std::make_shared<OutputBudget>(output_bytes_, exec.output_bytes);
  }
  workers_.post([this, running] { start(running); });  // exec_count_max bounds how many there are
  return running->exec;
}

void ExecDesk::start(const std::shared_ptr<Running>& running) {
  ExecObserver observer;
  observer.on_output = running->handlers.on_output;
  observer.on_end = [this, running](const ExecResult& result) {
    workers_.post([this, running, result] { finish(running, result); });
  };
  auto started = [&] {
    const std::shared_lock lock{running->live->files_mutex};
    return running->box->start(running->spec, std::move(observer));
  }();
  if (!started) {
    Error error = std::move(started.error());
    // It ended while this was on its way: a state of the container, not of the service.
    if (error.failure == Failure::unavailable && is_ended(running->box->state()))
      error = {Failure::cancelled,
               to_string(running->live->id) + " ended before the command began"};
    return finish(running, fail(std::move(error)));
  }
  bool is_cancelled = false;
  {
    const std::lock_guard lock{table_.mutex};
    running->exec->exec = *started;
    is_cancelled = running->exec->is_cancelled;
  }
  if (is_cancelled) (*started)->cancel();
  if (running->handlers.on_start) running->handlers.on_start(*running->exec);
}

void ExecDesk::finish(const std::shared_ptr<Running>& running, const Result<ExecResult>& result) {
  LiveContainer& live = *running->live;
  LiveExec& exec = *running->exec;
  log(live, running->command,
      {exec.started_ms, running->kind, exec.request,
       result ? logged_result(*result) : logged_refusal(result.error())});
  if (result) {
    metrics_
        .counter("flywheel_caas_execs_total", "Commands by how they ended.",
                 {{"end", to_string(result->end)}})
        .add();
    seconds_.observe(static_cast<double>(result->wall_time.count()) / 1e6);
  }
  {
    const std::lock_guard lock{table_.mutex};
    ExecResult kept =
        result ? *result : ExecResult{.end = ExecEnd::not_started, .error = result.error().message};
    // What a detached command wrote is read from its Exec, which has it twice: to be read, and as
    // its result; of a streamed one the events may wait for their reader.
    exec.budget->shrink((2 + running->event_bytes) *
                        (kept.output.size() + kept.error_output.size()));
    kept.output.clear();
    kept.error_output.clear();
    exec.ended = std::move(kept);
    live.record.active_ms = now_ms(clock_);
    --live.running_count;
    --running_count_;
    // Kept where somebody may still ask for it: a detached one, while its container lives.
    const bool is_kept = exec.is_detached && live.execs.contains(exec.number);
    if (!is_kept) live.execs.erase(exec.number);
  }
  if (running->handlers.on_end) running->handlers.on_end(exec, result);
  if (exec.is_main && result && result->end != ExecEnd::container_gone)
    table_.end(live.id, cause_of_main(*result));
  else if (exec.is_main && !result)
    table_.end(live.id, {ContainerState::failed, "main_failed", result.error().message});
}

void ExecDesk::cancel(LiveExec& exec) {
  std::shared_ptr<Exec> started;
  {
    const std::lock_guard lock{table_.mutex};
    exec.is_cancelled = true;
    started = exec.exec;
  }
  if (started) started->cancel();
}

std::shared_ptr<LiveExec> ExecDesk::find(const LiveContainer& live, std::uint64_t number) const {
  const std::lock_guard lock{table_.mutex};
  const auto found = live.execs.find(number);
  return found == live.execs.end() ? nullptr : found->second;
}

std::uint64_t ExecDesk::next_command(LiveContainer& live) {
  const std::lock_guard lock{table_.mutex};
  live.record.active_ms = now_ms(clock_);
  return live.command_count++;
}

void ExecDesk::log(LiveContainer& live, std::uint64_t number, const CommandRecord& command) {
  WriteBatch batch;
  ContainerStore::put_command(batch, live.id, number, command);
  bool is_full = false;
  {
    const std::lock_guard lock{table_.mutex};
    if (live.log_bytes > limits_.log_bytes_max) return;
    live.log_bytes += batch.size_bytes();
    is_full = live.log_bytes > limits_.log_bytes_max;
  }
  if (is_full) {  // the entry that goes over the bound says so; a replay stops before it
    const Json why{{"log_bytes_max", limits_.log_bytes_max}};
    batch = {};
    ContainerStore::put_command(batch, live.id, number,
                                {command.started_ms, "log_full", Json::object(), why});
  }
  if (auto outcome = store_.write(batch); !outcome)
    log_error("the trajectory of {}: {}", to_string(live.id), to_string(outcome.error()));
  commit_.note_buffered();
}

}  // namespace flywheel
