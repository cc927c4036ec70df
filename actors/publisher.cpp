#include "actors/publisher.hpp"

#include <utility>

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include "runtime/base/log.hpp"
#include "runtime/system/caf_failure.hpp"
#include "runtime/system/request.hpp"

namespace flywheel {
namespace {

using namespace std::chrono_literals;
using Promise = caf::typed_response_promise<WeightsPublished>;

constexpr auto install_deadline = 2min;
constexpr int attempts_max = 2;

struct State {
  static inline const char* name = "publisher";

  RunContextPtr context;
  PublisherConfig config;
  InstallWeights newest{};

  Result<CheckpointWritten> write(const WriteCheckpoint& request) const;
};

// One version on its way to all samplers.
struct Publication {
  Promise promise;
  std::size_t unproven = 0;
  bool is_answered = false;
};

using Self = Publisher::stateful_pointer<State>;

void install(Self self, const std::shared_ptr<Publication>& publication, std::size_t sampler,
             int attempt) {
  auto& state = self->state;
  const auto version = state.newest.weights.version;
  ask<WeightsInstalled>(
      self, *state.context->waits, state.config.samplers[sampler],
      {"sampler " + std::to_string(sampler) + " to prove that it holds version " +
           std::to_string(version),
       "Sampler: hashing what it holds", install_deadline},
      state.newest,
      [publication](const WeightsInstalled& installed) {
        if (--publication->unproven > 0 || publication->is_answered) return;
        publication->is_answered = true;
        publication->promise.deliver(WeightsPublished{installed.version, installed.hash});
      },
      [self, publication, sampler, attempt](const Error& error) {
        log_warning("publishing to sampler {}: {}", sampler, to_string(error));
        if (attempt < attempts_max) return install(self, publication, sampler, attempt + 1);
        if (publication->is_answered) return;
        publication->is_answered = true;
        publication->promise.deliver(to_caf(error));
      });
}

caf::result<WeightsPublished> publish(Self self, const LocalWeights& weights) {
  auto& state = self->state;
  state.newest = {weights};
  auto publication = std::make_shared<Publication>();
  publication->promise = self->make_response_promise<WeightsPublished>();
  publication->unproven = state.config.samplers.size();
  for (std::size_t i = 0; i < state.config.samplers.size(); ++i) install(self, publication, i, 1);
  return publication->promise;
}

// A sampler that still has no weights after that would fail every conversation that asks it, so the
// publisher ends, and the run with it.
void install_again(Self self, std::size_t sampler, int attempt) {
  auto& state = self->state;
  const std::string name = "sampler " + std::to_string(sampler);
  ask<WeightsInstalled>(
      self, *state.context->waits, state.config.samplers[sampler],
      {name + " to take the newest weights after a restart", "Sampler: hashing what it holds",
       install_deadline},
      state.newest, [](const WeightsInstalled&) {},
      [self, sampler, attempt, name](const Error& error) {
        log_warning("weights for {} after a restart: {}", name, to_string(error));
        if (attempt < attempts_max) return install_again(self, sampler, attempt + 1);
        self->quit(to_caf(
            Error{error.failure, name + " got no weights after a restart: " + error.message}));
      });
}

Result<CheckpointWritten> State::write(const WriteCheckpoint& request) const {
  if (!newest.weights.handle)
    return fail(Failure::invalid_argument, "no weights are published, so none can be written");
  Checkpoint checkpoint = config.base;
  checkpoint.weights = newest.weights.handle;
  FLYWHEEL_TRY_VOID(save_checkpoint(request.folder, checkpoint, config.checkpoint_precision));
  return CheckpointWritten{request.folder, newest.weights.hash,
                           tensor_hashes(newest.weights.handle)};
}

Publisher::behavior_type behavior(Self self, RunContextPtr context, PublisherConfig config) {
  keep_words(self);
  self->state.context = std::move(context);
  self->state.config = std::move(config);
  return {
      [self](const PublishWeights& request) { return publish(self, request.weights); },
      [self](const WriteCheckpoint& request) -> caf::result<CheckpointWritten> {
        auto written = self->state.write(request);
        if (!written) return to_caf(written.error());
        return std::move(*written);
      },
      [self](const PartDied&) {
        // One that was started again holds nothing; giving all of them the newest does no harm.
        if (!self->state.newest.weights.handle) return;
        for (std::size_t i = 0; i < self->state.config.samplers.size(); ++i)
          install_again(self, i, 1);
      },
  };
}

}  // namespace

Publisher spawn_publisher(caf::actor_system& system, RunContextPtr context, PublisherConfig config,
                          Placement placement) {
  return spawn_placed(system, placement, behavior, std::move(context), std::move(config));
}

}  // namespace flywheel
