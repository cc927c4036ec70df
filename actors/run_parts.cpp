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

auto notify(const std::shared_ptr<DeathNotices>& notices) {
  return [notices](const std::string& name, const std::string& reason, bool restarted) {
    const PartDied died{name, reason, restarted};
    if (restarted)
      caf::anon_send(notices->publisher, died);
    else
      caf::anon_send(notices->experiment, died);
  };
}

// Spawns one actor after the other; what a later one needs of an earlier one is in `parts`.
class PartSpawner {
 public:
  PartSpawner(const Services& services, const RunPartsConfig& config, RunKeeper& keeper)
      : services_(services),
        config_(config),
        keeper_(keeper),
        system_(*services.system),
        context_(config.context) {}

  ExperimentParts spawn() {
    for (std::uint32_t i = 0; i < context_->spec.compute.samplers; ++i)
      parts_.samplers.push_back(sampler("sampler_" + std::to_string(i)));
    evaluation_sampler = sampler("evaluation_sampler");
    parts_.dataset = kept<Dataset>("dataset", [](auto& system, const auto& context) {
      return caf::actor_cast<caf::actor>(spawn_dataset(system, context));
    });
    const std::size_t workers = context_->spec.tools.threads;
    parts_.grader = kept<GraderActor>("grader", [workers](auto& system, const auto& context) {
      return caf::actor_cast<caf::actor>(spawn_grader(system, context, {.threads = workers}));
    });
    if (config_.tools.toolbox) parts_.tools = tool_host();
    parts_.ledger = spawn_ledger(system_, *services_.ledger, Placement::own_thread);
    snapshot_writer = spawn_snapshot_writer(system_, Placement::own_thread);
    parts_.learner = learner();
    parts_.publisher = publisher();
    parts_.evaluator = evaluator();
    return parts_;
  }

  const std::shared_ptr<DeathNotices> notices = std::make_shared<DeathNotices>();
  Sampler evaluation_sampler{};
  SnapshotWriter snapshot_writer{};

 private:
  Sampler sampler(const std::string& name) {
    SamplerConfig config{.name = name, .make_engine = engine_factory(context_)};
    keeper_.watch_sampler(name, config.gauges);
    return spawn_kept<Sampler>(system_, {.name = name,
                                         .start =
                                             [&system = system_, context = context_, config] {
                                               return caf::actor_cast<caf::actor>(spawn_sampler(
                                                   system, context, config, Placement::own_thread));
                                             },
                                         .on_death = notify(notices)});
  }

  template <class Handle, class Spawn>
  Handle kept(const std::string& name, const Spawn& spawn) {
    return spawn_kept<Handle>(system_, {.name = name,
                                        .start = [&system = system_, context = context_,
                                                  spawn] { return spawn(system, context); },
                                        .on_death = notify(notices)});
  }

  ToolHost tool_host() {
    const auto tools = tool_host_config(context_->spec, config_.tools);
    config_.tools.model_line->connect(system_, context_, parts_.samplers.front());
    return kept<ToolHost>("tool_host", [tools](auto& system, const auto& context) {
      return caf::actor_cast<caf::actor>(
          spawn_tool_host(system, context, tools, Placement::own_thread));
    });
  }

  Learner learner() {
    const auto trainer = trainer_config_of(context_->spec, context_->precision);
    LearnerConfig config;
    config.make_trainer = [weights = config_.checkpoint.weights, trainer] {
      return make_trainer(weights, trainer);
    };
    config.ledger = parts_.ledger;
    config.snapshot_writer = snapshot_writer;
    return spawn_learner(system_, context_, std::move(config), Placement::own_thread);
  }

  Publisher publisher() {
    PublisherConfig config{.samplers = parts_.samplers, .base = config_.checkpoint};
    config.base.weights = nullptr;
    config.checkpoint_precision = context_->spec.publish.precision == PrecisionChoice::float32
                                      ? Precision::float32
                                      : Precision::bfloat16;
    return spawn_publisher(system_, context_, config, Placement::own_thread);
  }

  Evaluator evaluator() {
    EvaluatorConfig config;
    config.sampler = evaluation_sampler;
    config.grader = parts_.grader;
    config.tools = parts_.tools;
    config.held_out = config_.held_out.generated;
    config.hand_written = config_.held_out.hand_written;
    return spawn_evaluator(system_, context_, std::move(config));
  }

  const Services& services_;
  const RunPartsConfig& config_;
  RunKeeper& keeper_;
  caf::actor_system& system_;
  RunContextPtr context_;
  ExperimentParts parts_;
};

template <class Handle>
caf::actor as_actor(const Handle& handle) {
  return caf::actor_cast<caf::actor>(handle);
}

}  // namespace

RunParts::RunParts(const Services& services, RunPartsConfig config, RunKeeper& keeper)
    : system_(*services.system), model_line_(config.tools.model_line) {
  PartSpawner spawner{services, config, keeper};
  const ExperimentParts parts = spawner.spawn();

  ExperimentConfig experiment;
  experiment.parts = parts;
  experiment.initial = make_local_weights(config.initial, 0);
  experiment.resume = std::move(config.resume);
  experiment.snapshot_folder = services.workspace->snapshot_folder(config.context->run).string();
  experiment.checkpoint_folder = std::move(config.checkpoint_folder);
  experiment.observer = &keeper;
  experiment_ =
      spawn_experiment(system_, config.context, std::move(experiment), Placement::own_thread);
  spawner.notices->publisher = as_actor(parts.publisher);
  spawner.notices->experiment = as_actor(experiment_);

  auto supervisor = spawn_supervisor(system_,
                                     {{"ledger", as_actor(parts.ledger)},
                                      {"learner", as_actor(parts.learner)},
                                      {"snapshot writer", as_actor(spawner.snapshot_writer)},
                                      {"publisher", as_actor(parts.publisher)},
                                      {"evaluator", as_actor(parts.evaluator)}},
                                     experiment_, keeper);
  all_ = {supervisor, as_actor(experiment_), as_actor(parts.evaluator),
          as_actor(spawner.evaluation_sampler)};
  for (const auto& sampler : parts.samplers) all_.push_back(as_actor(sampler));
  if (parts.tools) all_.push_back(as_actor(*parts.tools));
  for (const auto& part :
       {as_actor(parts.dataset), as_actor(parts.grader), as_actor(parts.publisher),
        as_actor(parts.learner), as_actor(spawner.snapshot_writer), as_actor(parts.ledger)})
    all_.push_back(part);
}

RunParts::~RunParts() {
  experiment_ = nullptr;
  if (model_line_) model_line_->disconnect();
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
