#include "actors/checkpoint_evaluation.hpp"

#include <filesystem>

#include "actors/actor_system.hpp"
#include "actors/evaluator.hpp"
#include "actors/run_means.hpp"
#include "actors/run_plan.hpp"
#include "runtime/system/request.hpp"
#include "runtime/system/shutdown.hpp"

namespace flywheel {
namespace {

using namespace std::chrono_literals;

// The sandbox's own folder, gone with the evaluation.
class ScratchFolder {
 public:
  ScratchFolder()
      : path_(std::filesystem::temp_directory_path() /
              ("flywheel_eval_" + to_string(make_any_id(IdKind::evaluation, system_clock())))) {}
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace

Result<EvaluationFile> evaluate_checkpoint(const Checkpoint& checkpoint, const ExperimentSpec& spec,
                                           std::uint32_t tasks, std::uint32_t samples_per_task) {
  FLYWHEEL_TRY_VOID(check_against_model(spec, checkpoint.config));
  const ScratchFolder scratch;
  SandboxProvider sandbox{scratch.path()};
  FLYWHEEL_TRY(auto means, open_run_means(spec, sandbox));
  const ToolSetup& tools = means.tools;
  FLYWHEEL_TRY(auto held_out, held_out_tasks(spec, *means.family));
  WaitRegistry waits;
  ComputeGate gate{waits};
  const auto context = make_run_context(make_id<RunId>(system_clock()), spec, checkpoint, means,
                                        waits, gate, system_clock());

  ActorSystemConfig config;
  caf::actor_system system{config};
  const auto engine = [context](const WeightsHandle& weights, PolicyVersion version) {
    return make_engine(weights, version, engine_config_of(context->spec, context->precision));
  };
  auto sampler =
      spawn_sampler(system, context, {.name = "evaluation_sampler", .make_engine = engine},
                    Placement::own_thread);
  auto grader = spawn_grader(system, context, {.threads = spec.tools.threads});
  EvaluatorConfig evaluator_config;
  evaluator_config.sampler = sampler;
  evaluator_config.grader = grader;
  std::optional<ToolHost> host;
  if (tools.toolbox)
    host = spawn_tool_host(system, context, tool_host_config(spec, tools), Placement::own_thread);
  evaluator_config.tools = host;
  if (tools.model_line) tools.model_line->connect(system, context, sampler);
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
  std::vector<caf::actor> actors = {caf::actor_cast<caf::actor>(evaluator),
                                    caf::actor_cast<caf::actor>(grader),
                                    caf::actor_cast<caf::actor>(sampler)};
  if (host) actors.push_back(caf::actor_cast<caf::actor>(*host));
  if (tools.model_line) tools.model_line->disconnect();
  stop_actors(system, actors, 30s);
  if (!evaluated) return fail(evaluated.error());
  return EvaluationFile{evaluated->name, evaluated->version, evaluated->broken_count,
                        evaluated->seconds, std::move(evaluated->rollouts)};
}

}  // namespace flywheel
