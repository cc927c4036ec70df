#include "actors/commands/run_follower.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <mutex>
#include <stop_token>
#include <thread>

#include "actors/commands/print.hpp"
#include "actors/commands/progress.hpp"
#include "runtime/base/log.hpp"
#include "runtime/net/http_client.hpp"
#include "storage/workspace.hpp"

namespace flywheel {
namespace {

using namespace std::chrono_literals;

constexpr auto interrupt_poll = 50ms;
constexpr auto silence_max = 60s;  // an owner that lives sends a ping four times as often

constexpr auto stopping_message =
    "stopping: a step that is being learned is committed first; the same signal again ends at once";

// A signal handler may touch it, and other threads read it.
std::atomic<int> interrupts = 0;
static_assert(std::atomic<int>::is_always_lock_free);

void on_interrupt(int number) {
  ++interrupts;
  std::signal(number, SIG_DFL);
}

// False once the run has ended.
bool show(const ServerEvent& event, ProgressDisplay& display, RunEnd& end) {
  const auto body = parse_json(event.data, "event");
  if (!body) return true;
  if (event.type == "progress") display.update(progress_from_json(*body));
  if (event.type == "event") display.event(body->value("kind", ""), body->value("message", ""));
  if (event.type != "ended") return true;
  end.status = body->value("status", "");
  end.reason = body->value("reason", "");
  end.checkpoint = body->value("checkpoint", "");
  return false;
}

void post_stop(const Endpoint& owner, const std::string& run) {
  HttpClient client{owner};
  const auto stopped = client.post_json("/v1/runs/" + run + "/stop", Json::object());
  if (!stopped && stopped.error().failure != Failure::not_found)  // not_found: it has ended
    log_warning("stopping {}: {}", run, to_string(stopped.error()));
}

// The end of a run whose events broke off, or that was through before they began: as it is stored,
// where someone answers.
Result<RunEnd> stored_end(WorkspaceClient& client, const std::string& run) {
  RunEnd end{.run = run, .status = "interrupted", .reason = "the workspace's owner went away"};
  const auto stored = client.get("/v1/runs/" + run);
  if (!stored && stored.error().failure == Failure::deadline_exceeded) return fail(stored.error());
  if (!stored) return end;
  if ((*stored)["is_live"].get<bool>())
    return fail(Failure::unavailable, "the events of " + run +
                                          " broke off, but it goes on: `flywheel status " + run +
                                          "` shows it");
  const auto status = (*stored)["status"].get<std::string>();
  if (status != "finished" && status != "failed") return end;
  end.status = status;
  end.reason = status == "failed" ? "its owner told no more" : "";
  FLYWHEEL_TRY(end.checkpoint, checkpoint_folder_of(client, run));
  return end;
}

}  // namespace

void stop_runs_on_signals() {
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
}

RunEnd follow(RunHost& host, bool json) {
  ProgressDisplay display{progress_mode_for_stdout(json), print};
  FeedCursor cursor;
  bool is_stopping = false;
  for (;;) {
    const auto view = host.feed()->next(cursor, 200ms);
    for (const FeedEvent& event : view.events) display.event(event.kind, event.message);
    display.update(view.snapshot);
    if (view.outcome) {
      display.finish();
      return {to_string(host.run()), to_string(view.outcome->status), view.outcome->reason,
              view.outcome->checkpoint};
    }
    if (interrupts > 0 && !is_stopping) {
      is_stopping = true;
      display.event("stopping", stopping_message);
      host.stop("interrupted");
    }
  }
}

Result<RunEnd> follow_at_owner(WorkspaceClient& client, const std::string& home,
                               const std::string& run, bool json) {
  const auto owner = Endpoint::unix_socket(Workspace::socket_path_of(home).string());
  RunEnd end{.run = run};
  std::mutex mutex;  // of the display: the interrupt comes on a thread of its own
  ProgressDisplay display{progress_mode_for_stdout(json), print};
  // An evaluation may send nothing for many minutes, so the events can't be what looks for it.
  std::jthread interrupt_watch{[&](const std::stop_token& through) {
    while (interrupts == 0) {
      if (through.stop_requested()) return;
      std::this_thread::sleep_for(interrupt_poll);
    }
    {
      const std::lock_guard lock{mutex};
      display.event("stopping", stopping_message);
    }
    post_stop(owner, run);
  }};
  HttpClient events{owner};
  const auto read = events.read_events({.target = "/v1/runs/" + run + "/events"}, silence_max,
                                       [&](const ServerEvent& event) {
                                         const std::lock_guard lock{mutex};
                                         return show(event, display, end);
                                       });
  interrupt_watch.request_stop();
  interrupt_watch.join();
  display.finish();
  if (!end.status.empty()) return end;
  if (!read && read.error().failure == Failure::deadline_exceeded) return fail(read.error());
  return stored_end(client, run);
}

}  // namespace flywheel
