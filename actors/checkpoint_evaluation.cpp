#include "actors/checkpoint_evaluation.hpp"

#include "actors/actor_system.hpp"
#include "actors/evaluator.hpp"
#include "actors/run_plan.hpp"
#include "runtime/system/request.hpp"
#include "runtime/system/shutdown.hpp"

namespace flywheel {
namespace {

using namespace std::chrono_literals;

}  // namespace

Result<EvaluationFile> evaluate_checkpoint(const Checkpoint& checkpoint, const ExperimentSpec& spec,
                                           std::uint32_t tasks, std::uint32_t samples_per_task) {
  FLYWHEEL_TRY_VOID(check_against_model(spec, checkpoint.config));
  WaitRegistry waits;
  ComputeGate gate{waits};
  FLYWHEEL_TRY(const auto context, make_run_context(make_id<RunId>(system_clock()), spec,
                                                    checkpoint, waits, gate, system_clock()));
  FLYWHEEL_TRY(auto held_out, held_out_tasks(spec, *context->family));

  ActorSystemConfig config;
  caf::actor_system system{config};
  const auto engine = [context](const WeightsHandle& weights, PolicyVersion version) {
    return make_engine(weights, version, engine_config_of(context->spec, context->precision));
  };
  auto sampler =
      spawn_sampler(system, context, {.name = "evaluation_sampler", .make_engine = engine},
                    Placement::own_thread);
  auto grader = spawn_grader(system, context);
  EvaluatorConfig evaluator_config;
  evaluator_config.sampler = sampler;
  evaluator_config.grader = grader;
  evaluator_config.held_out = std::move(held_out.generated);
  evaluator_config.hand_written = std::move(held_out.hand_written);
  auto evaluator = spawn_evaluator(system, context, std::move(evaluator_config));
  Evaluate request;
  request.name = "eval";
  request.weights = make_local_weights(convert(checkpoint.weights, context->precision), 0);
  request.tasks = tasks;
  request.samples_per_task = samples_per_task;
  auto evaluated =
      ask_and_wait<Evaluated>(system, waits, evaluator,
                              {"the evaluation", "Evaluator: its conversations", 120min}, request);
  stop_actors(system,
              {caf::actor_cast<caf::actor>(evaluator), caf::actor_cast<caf::actor>(grader),
               caf::actor_cast<caf::actor>(sampler)},
              10s);
  if (!evaluated) return fail(evaluated.error());
  return EvaluationFile{evaluated->name, evaluated->version, evaluated->broken_count,
                        evaluated->seconds, std::move(evaluated->rollouts)};
}

}  // namespace flywheel
