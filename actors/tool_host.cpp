#include "actors/tool_host.hpp"

#include <map>
#include <utility>

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include "runtime/base/log.hpp"
#include "runtime/system/caf_failure.hpp"
#include "runtime/system/worker_pool.hpp"
#include "runtime/tools/tool_session.hpp"

namespace flywheel {
namespace {

using Promise = caf::typed_response_promise<ToolsRan>;

struct Session {
  std::shared_ptr<ToolSession> tools{};
  bool is_busy = false;
  SteadyTime used{};
};

struct Job {
  RolloutId conversation{};
  Promise promise{};
};

struct State {
  static inline const char* name = "tool_host";

  RunContextPtr context;
  ToolHostConfig config;
  std::map<RolloutId, Session> sessions;
  std::map<std::uint64_t, Job> jobs;  // under way or waiting
  std::uint64_t last_job = 0;
  std::unique_ptr<WorkerPool> pool;  // ends before what its jobs use

  Result<Session*> session_of(const RunTools& request, const TaskSetting& setting);
  void drop_idle_sessions();
  void end_session(RolloutId conversation);
  void stop();
};

void State::drop_idle_sessions() {
  const auto now = context->clock->steady_now();
  std::erase_if(sessions, [&](const auto& entry) {
    return !entry.second.is_busy && now - entry.second.used > config.session_idle_max;
  });
}

Result<Session*> State::session_of(const RunTools& request, const TaskSetting& setting) {
  const auto found = sessions.find(request.conversation);
  if (found != sessions.end()) {
    if (found->second.is_busy)
      return fail(Failure::unavailable, "an earlier tool call of this conversation still runs");
    return &found->second;
  }
  drop_idle_sessions();
  if (sessions.size() >= config.sessions_max)
    return fail(Failure::resource_exhausted,
                std::to_string(sessions.size()) + " conversations have tools open, no more can");
  ToolSession::MakeWorkbench make;
  if (config.make_workbench)
    make = [factory = config.make_workbench, setting] { return factory(setting); };
  Session session{.tools = std::make_shared<ToolSession>(std::move(make))};
  return &sessions.emplace(request.conversation, std::move(session)).first->second;
}

void State::end_session(RolloutId conversation) {
  const auto found = sessions.find(conversation);
  if (found == sessions.end()) return;
  if (found->second.is_busy)
    found->second.tools->cancel();  // its worker ends, and holds the last reference
  sessions.erase(found);
}

// Nothing of a conversation outlives the host: what runs is killed, who waits is answered.
void State::stop() {
  for (auto& [id, session] : sessions)
    if (session.is_busy) session.tools->cancel();
  if (pool) pool->stop();
  for (auto& [id, job] : jobs)
    job.promise.deliver(to_caf(Error{Failure::cancelled, "the tool host was stopped"}));
  jobs.clear();
  sessions.clear();
}

using Self = ToolHost::stateful_pointer<State>;

// On a worker thread: runs the calls one after the other and sends the host what came of them.
std::function<void()> work_of(Self self, std::uint64_t job, std::shared_ptr<ToolSession> session,
                              RunTools request, std::vector<std::string> allowed) {
  return
      [host = ToolHost{self}, toolbox = self->state.context->toolbox, job,
       session = std::move(session), request = std::move(request), allowed = std::move(allowed)] {
        ToolJobEnded ended{.job = job};
        for (const ToolCall& call : request.calls)
          ended.ran.results.push_back(toolbox->run(call, allowed, *session));
        caf::anon_send(host, std::move(ended));
      };
}

Result<> submit(Self self, RunTools& request, const Promise& promise) {
  auto& state = self->state;
  if (!state.context->toolbox)
    return fail(Failure::unavailable, "this run has no tools: its task family states none");
  FLYWHEEL_TRY(auto setting, state.context->family->setting(request.task));
  FLYWHEEL_TRY(Session * session, state.session_of(request, setting));
  const auto job = ++state.last_job;
  const auto conversation = request.conversation;
  session->is_busy = true;
  state.jobs.emplace(job, Job{conversation, promise});
  if (state.pool->submit(
          work_of(self, job, session->tools, std::move(request), std::move(setting.tools))))
    return {};
  session->is_busy = false;
  state.jobs.erase(job);
  return fail(Failure::resource_exhausted,
              std::to_string(state.config.queue_max) + " turns' tool calls wait already");
}

void on_job_ended(Self self, ToolJobEnded& ended) {
  auto& state = self->state;
  const auto job = state.jobs.find(ended.job);
  if (job == state.jobs.end()) return;
  const auto session = state.sessions.find(job->second.conversation);
  if (session != state.sessions.end()) {
    session->second.is_busy = false;
    session->second.used = state.context->clock->steady_now();
  }
  job->second.promise.deliver(std::move(ended.ran));
  state.jobs.erase(job);
}

ToolHost::behavior_type behavior(Self self, RunContextPtr context, ToolHostConfig config) {
  self->state.pool = std::make_unique<WorkerPool>(
      WorkerPoolConfig{.threads = config.threads, .queue_max = config.queue_max});
  self->state.context = std::move(context);
  self->state.config = std::move(config);
  self->set_exit_handler([self](const caf::exit_msg& exit) {
    self->state.stop();
    self->quit(exit.reason);
  });
  self->set_exception_handler([self](std::exception_ptr& thrown) -> caf::error {
    self->state.stop();
    return to_caf(thrown);
  });
  return {
      [self](RunTools& request) -> caf::result<ToolsRan> {
        auto promise = self->make_response_promise<ToolsRan>();
        if (auto submitted = submit(self, request, promise); !submitted)
          promise.deliver(to_caf(submitted.error()));
        return promise;
      },
      [self](const EndToolSession& end) { self->state.end_session(end.conversation); },
      [self](ToolJobEnded& ended) { on_job_ended(self, ended); },
  };
}

}  // namespace

ToolHost spawn_tool_host(caf::actor_system& system, RunContextPtr context, ToolHostConfig config,
                         Placement placement) {
  return spawn_placed(system, placement, behavior, std::move(context), std::move(config));
}

}  // namespace flywheel
