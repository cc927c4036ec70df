#include "actors/run_parts.hpp"

#include <utility>

#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include "actors/supervisor.hpp"
#include "runtime/base/log.hpp"
#include "runtime/system/shutdown.hpp"
#include "runtime/system/supervision.hpp"

namespace flywheel {
namespace {

using namespace std::chrono_literals;

constexpr auto shutdown_deadline = 60s;  // a learner ends its step first

EngineFactory engine_factory(const RunContextPtr& context) {
  return [context](const WeightsHandle& weights, PolicyVersion version) {
    return make_engine(weights, version, engine_config_of(context->spec, context->precision));
  };
}

// Handles that keepers tell of deaths; filled once everything is spawned.
struct DeathNotices {
  caf::actor publisher{};
  caf::actor experiment{};
};

auto notify(std::shared_ptr<DeathNotices> notices) {
  return [notices](const std::string& name, const std::string& reason, bool restarted) {
    const PartDied died{name, reason, restarted};
    if (restarted)
      caf::anon_send(notices->publisher, died);
    else
      caf::anon_send(notices->experiment, died);
  };
}

}  // namespace

RunParts::RunParts(const Services& services, RunPartsConfig config, RunKeeper& keeper)
    : system_(*services.system) {
  const RunContextPtr context = config.context;
  const auto notices = std::make_shared<DeathNotices>();
  caf::actor_system& system = system_;
  ExperimentParts parts;

  const auto keep_sampler = [&](const std::string& name) {
    SamplerConfig sampler{.name = name, .make_engine = engine_factory(context)};
    keeper.watch_sampler(name, sampler.gauges);
    return spawn_kept<Sampler>(system, {.name = name,
                                        .start =
                                            [&system, context, sampler] {
                                              return caf::actor_cast<caf::actor>(spawn_sampler(
                                                  system, context, sampler, Placement::own_thread));
                                            },
                                        .on_death = notify(notices)});
  };
  for (std::uint32_t i = 0; i < context->spec.compute.samplers; ++i)
    parts.samplers.push_back(keep_sampler("sampler_" + std::to_string(i)));
  const Sampler evaluation_sampler = keep_sampler("evaluation_sampler");

  parts.dataset = spawn_kept<Dataset>(
      system,
      {.name = "dataset",
       .start = [&system,
                 context] { return caf::actor_cast<caf::actor>(spawn_dataset(system, context)); },
       .on_death = {}});
  parts.grader = spawn_kept<GraderActor>(
      system,
      {.name = "grader",
       .start = [&system,
                 context] { return caf::actor_cast<caf::actor>(spawn_grader(system, context)); },
       .on_death = {}});
  parts.ledger = spawn_ledger(system, *services.ledger, *services.metrics, Placement::own_thread);
  const auto trainer = trainer_config_of(context->spec, context->precision);
  parts.learner = spawn_learner(
      system, context,
      [weights = config.checkpoint.weights, trainer] { return make_trainer(weights, trainer); },
      parts.ledger, Placement::own_thread);
  PublisherConfig publisher{.samplers = parts.samplers, .base = config.checkpoint};
  publisher.base.weights = nullptr;
  publisher.checkpoint_precision = context->spec.publish.precision == PrecisionChoice::float32
                                       ? Precision::float32
                                       : Precision::bfloat16;
  parts.publisher = spawn_publisher(system, context, publisher, Placement::own_thread);
  parts.evaluator = spawn_evaluator(system, context,
                                    {.sampler = evaluation_sampler,
                                     .grader = parts.grader,
                                     .held_out = std::move(config.held_out.generated),
                                     .hand_written = std::move(config.held_out.hand_written)});

  ExperimentConfig experiment;
  experiment.parts = parts;
  experiment.initial.handle = config.initial;
  experiment.resume = std::move(config.resume);
  experiment.snapshot_folder = services.workspace->snapshot_folder(context->run).string();
  experiment.checkpoint_folder = std::move(config.checkpoint_folder);
  experiment.observer = &keeper;
  experiment_ = spawn_experiment(system, context, std::move(experiment), Placement::own_thread);
  notices->publisher = caf::actor_cast<caf::actor>(parts.publisher);
  notices->experiment = caf::actor_cast<caf::actor>(experiment_);

  const auto as_actor = [](const auto& handle) { return caf::actor_cast<caf::actor>(handle); };
  auto supervisor = spawn_supervisor(system,
                                     {{"ledger", as_actor(parts.ledger)},
                                      {"learner", as_actor(parts.learner)},
                                      {"publisher", as_actor(parts.publisher)},
                                      {"evaluator", as_actor(parts.evaluator)}},
                                     experiment_);
  all_ = {supervisor, as_actor(experiment_), as_actor(parts.evaluator),
          as_actor(evaluation_sampler)};
  for (const auto& sampler : parts.samplers) all_.push_back(as_actor(sampler));
  for (const auto& part :
       {as_actor(parts.dataset), as_actor(parts.grader), as_actor(parts.publisher),
        as_actor(parts.learner), as_actor(parts.ledger)})
    all_.push_back(part);
}

RunParts::~RunParts() {
  experiment_ = nullptr;
  const auto left = stop_actors(system_, all_, shutdown_deadline);
  if (left > 0) log_error("{} actors of the run did not end within a minute", left);
}

void RunParts::start() {
  caf::anon_send(experiment_, StartRun{});
}

void RunParts::stop(const std::string& reason) {
  caf::anon_send(experiment_, StopRun{reason});
}

}  // namespace flywheel
