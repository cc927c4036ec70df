#include "actors/sampler.hpp"

#include <unordered_map>
#include <utility>

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include "runtime/system/caf_failure.hpp"

namespace flywheel {
namespace {

using Promise = caf::typed_response_promise<Generated>;

struct State {
  static inline const char* name = "sampler";

  RunContextPtr context;
  SamplerConfig config;
  std::unique_ptr<Engine> engine;
  bool holds_proven_weights = false;
  bool is_decoding = false;  // a NextTurn is under way
  std::uint64_t last_id = 0;
  std::uint64_t tokens_told = 0;  // of this engine, to the gauges
  std::unordered_map<std::uint64_t, Promise> unanswered;
  std::vector<std::pair<GenerateRequest, Promise>> early;  // came before the first weights

  void take(GenerateRequest request, Promise promise);
  Result<> submit(GenerateRequest request, const Promise& promise);
  Result<WeightsInstalled> install(const InstallWeights& request);
  Result<> prove(const LocalWeights& weights);
  void decode_step();
  void fail_all(const Error& error);
};

// Answers for itself where the request can't be taken.
void State::take(GenerateRequest request, Promise promise) {
  if (!engine && early.size() < EngineConfig{}.queue_max) {
    early.emplace_back(std::move(request), std::move(promise));
    return;
  }
  if (auto submitted = submit(std::move(request), promise); !submitted)
    promise.deliver(to_caf(submitted.error()));
}

Result<> State::submit(GenerateRequest request, const Promise& promise) {
  if (!holds_proven_weights)
    return fail(Failure::unavailable, config.name + ": no proven weights are installed");
  request.id = ++last_id;
  FLYWHEEL_TRY_VOID(engine->submit(std::move(request)));
  unanswered.emplace(last_id, promise);
  return {};
}

Result<WeightsInstalled> State::install(const InstallWeights& request) {
  const auto& weights = request.weights;
  auto proven = prove(weights);
  if (!proven && !holds_proven_weights) fail_all(proven.error());
  if (!proven) return fail(std::move(proven.error()));
  for (auto& [generate, promise] : std::exchange(early, {})) take(std::move(generate), promise);
  return WeightsInstalled{weights.version, weights.hash};
}

// Makes the engine where there is none yet.
Result<> State::prove(const LocalWeights& weights) {
  ComputeGate::Turn turn{*context->gate, config.name};
  const auto& [handle, version, expected] = weights;
  if (!engine) {
    FLYWHEEL_TRY(engine, config.make_engine(handle, version));
  }
  FLYWHEEL_TRY(const Hash128 hash, engine->swap_weights(handle, version));
  holds_proven_weights = hash == expected;
  if (holds_proven_weights) return {};
  return fail(Failure::hash_mismatch, config.name + " holds weights " + to_string(hash) +
                                          ", version " + std::to_string(version) + " is " +
                                          to_string(expected));
}

void State::decode_step() {
  StepReport report;
  {
    ComputeGate::Turn turn{*context->gate, config.name};
    const auto start = context->clock->steady_now();
    report = engine->step();
    const std::chrono::duration<double> busy = context->clock->steady_now() - start;
    config.gauges->busy_seconds = config.gauges->busy_seconds + busy.count();
  }
  for (auto& generation : report.finished) {
    const auto found = unanswered.find(generation.id);
    if (found == unanswered.end()) continue;  // failed before, when weights were not proven
    if (generation.failure.empty())
      found->second.deliver(Generated{std::move(generation)});
    else
      found->second.deliver(
          to_caf(Error{Failure::internal, config.name + ": " + generation.failure +
                                              "; go on from an earlier snapshot with a lower "
                                              "learning.learning_rate"}));
    unanswered.erase(found);
  }
  const auto counts = engine->counts();
  config.gauges->tokens_sampled += counts.tokens_sampled - tokens_told;
  tokens_told = counts.tokens_sampled;
  config.gauges->active = counts.active;
  config.gauges->waiting = counts.waiting;
}

void State::fail_all(const Error& error) {
  for (auto& [id, promise] : unanswered) {
    if (engine) engine->cancel(id);
    promise.deliver(to_caf(error));
  }
  unanswered.clear();
  for (auto& [request, promise] : std::exchange(early, {})) promise.deliver(to_caf(error));
}

void go_on_decoding(Sampler::stateful_pointer<State> self) {
  auto& state = self->state;
  if (state.is_decoding || !state.engine || state.engine->is_idle()) return;
  state.is_decoding = true;
  self->send(self, NextTurn{});
}

Sampler::behavior_type behavior(Sampler::stateful_pointer<State> self, RunContextPtr context,
                                SamplerConfig config) {
  self->state.context = std::move(context);
  self->state.config = std::move(config);
  // CAF lets a promise that is dropped wait out its asker's deadline, so a sampler that ends
  // answers.
  self->set_exit_handler([self](const caf::exit_msg& exit) {
    self->state.fail_all({Failure::cancelled, self->state.config.name + " was stopped"});
    self->quit(exit.reason);
  });
  self->set_exception_handler([self](std::exception_ptr& thrown) -> caf::error {
    const Error error{Failure::internal,
                      self->state.config.name + " broke down: " + words_of(thrown).message};
    self->state.fail_all(error);
    return to_caf(error);
  });
  return {
      [self](Generate& request) -> caf::result<Generated> {
        auto promise = self->make_response_promise<Generated>();
        self->state.take(std::move(request.request), promise);
        go_on_decoding(self);
        return promise;
      },
      [self](const InstallWeights& request) -> caf::result<WeightsInstalled> {
        auto installed = self->state.install(request);
        if (!installed) return to_caf(installed.error());
        go_on_decoding(self);
        return *installed;
      },
      [self](NextTurn) {
        self->state.decode_step();
        // What came in meanwhile is read before the next step: it is ahead in the mailbox.
        self->state.is_decoding = false;
        go_on_decoding(self);
      },
  };
}

}  // namespace

Sampler spawn_sampler(caf::actor_system& system, RunContextPtr context, SamplerConfig config,
                      Placement placement) {
  return spawn_placed(system, placement, behavior, std::move(context), std::move(config));
}

}  // namespace flywheel
