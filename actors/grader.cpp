#include "actors/grader.hpp"

#include <map>
#include <memory>
#include <utility>

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include "runtime/system/caf_failure.hpp"
#include "runtime/system/placement.hpp"
#include "runtime/system/worker_pool.hpp"

namespace flywheel {
namespace {

using Promise = caf::typed_response_promise<Verdict>;

struct State {
  static inline const char* name = "grader";

  RunContextPtr context;
  GraderConfig config;
  std::map<std::uint64_t, Promise> jobs;  // not yet judged
  std::uint64_t last_job = 0;
  std::unique_ptr<WorkerPool> pool;  // of code graders; null where the run's grader is pure
};

using Self = GraderActor::stateful_pointer<State>;

void answer(Self self, std::uint64_t job, Verdict verdict) {
  const auto found = self->state.jobs.find(job);
  if (found == self->state.jobs.end()) return;
  found->second.deliver(std::move(verdict));
  self->state.jobs.erase(found);
}

// Has the code run on a worker, which sends the verdict back.
void submit(Self self, const CodeGrader& grader, GradeTranscript request, const Promise& promise) {
  auto& state = self->state;
  const auto job = ++state.last_job;
  state.jobs.emplace(job, promise);
  auto work = [actor = GraderActor{self}, context = state.context, &grader, job,
               request = std::move(request)] {
    auto verdict = grader.grade_by_running(request.task, request.transcript, context->judge_code);
    caf::anon_send(actor, JudgementEnded{job, std::move(verdict)});
  };
  if (!state.pool->submit(std::move(work)))
    answer(self, job,
           infra_error_verdict(grader.name(), "too many answers wait to be judged already"));
}

// What is being judged ends by its own bounds; who waits is answered.
void stop(State& state) {
  if (state.pool) state.pool->stop();
  for (auto& [job, promise] : state.jobs)
    promise.deliver(to_caf(Error{Failure::cancelled, "the grader was stopped"}));
  state.jobs.clear();
}

GraderActor::behavior_type behavior(Self self, RunContextPtr context, GraderConfig config) {
  auto& state = self->state;
  state.context = std::move(context);
  state.config = config;
  if (state.context->grader->code_grader() != nullptr)
    state.pool = std::make_unique<WorkerPool>(
        WorkerPoolConfig{.threads = config.threads, .queue_max = config.queue_max});
  self->set_exit_handler([self](const caf::exit_msg& exit) {
    stop(self->state);
    self->quit(exit.reason);
  });
  self->set_exception_handler([self](std::exception_ptr& thrown) -> caf::error {
    stop(self->state);
    return to_caf(thrown);
  });
  return {
      [self](GradeTranscript& request) -> caf::result<Verdict> {
        const Grader& grader = *self->state.context->grader;
        const CodeGrader* code_grader = grader.code_grader();
        if (code_grader == nullptr) return grader.grade(request.task, request.transcript);
        auto promise = self->make_response_promise<Verdict>();
        submit(self, *code_grader, std::move(request), promise);
        return promise;
      },
      [self](JudgementEnded& ended) { answer(self, ended.job, std::move(ended.verdict)); },
  };
}

}  // namespace

GraderActor spawn_grader(caf::actor_system& system, RunContextPtr context, GraderConfig config) {
  const bool has_workers = context->grader->code_grader() != nullptr && config.threads > 0;
  return spawn_placed(system, has_workers ? Placement::own_thread : Placement::shared, behavior,
                      std::move(context), config);
}

}  // namespace flywheel
