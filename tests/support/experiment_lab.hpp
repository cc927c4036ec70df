// A run on virtual time: real ledger, data set, grader, samplers behind keepers, publisher,
// evaluator, Experiment and supervisor. Only the words, the verdicts and what is learned are
// scripted, and every part can be made to fail where a test wants it.
//
//   ExperimentLab lab;
//   lab.script.judge = [](const Task&) { return ...; };
//   lab.start();                                   // runs until every actor is idle
//   CHECK(lab.observer.outcome->status == RunStatus::finished);
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <caf/send.hpp>
#include <doctest/doctest.h>

#include "actors/experiment.hpp"
#include "actors/supervisor.hpp"
#include "runtime/model/weights_handle.hpp"
#include "runtime/system/supervision.hpp"
#include "storage/memory_store.hpp"
#include "tests/support/deterministic_system.hpp"
#include "tests/support/run_fixture.hpp"

namespace flywheel::testing {

// What the run meets; outlives its actors. What a hook throws kills the actor that called it.
struct RunScript {
  std::function<void(const Task&)> on_task = [](const Task&) {};  // in a simulated user
  std::function<Verdict(const Task&)> judge = [](const Task&) {
    return Verdict{.status = VerdictStatus::pass, .reward = 1.0, .grader = "scripted/1"};
  };
  std::function<void()> on_decode = [] {};  // in a sampler, once a turn
  std::uint64_t tokens_said = 0;            // by all engines
  std::function<Hash128(Hash128)> on_install = [](Hash128 held) { return held; };  // what it proves
};

// The user says one thing and takes any answer.
class ScriptedFamily final : public TaskFamily {
 public:
  explicit ScriptedFamily(const RunScript& script) : script_(script) {}
  std::string_view name() const override { return "scripted"; }
  std::string_view grader() const override { return "scripted/1"; }
  std::string_view description() const override { return "one word is asked for"; }
  Result<Task> make_task(std::string_view split, std::uint64_t index,
                         std::uint64_t seed) const override {
    Task task;
    task.id = generated_task_id(name(), split, index, seed);
    task.family = name();
    task.split = split;
    return task;
  }
  Result<> check(const Json&) const override { return {}; }
  Result<UserMove> next_user_move(const Task&, const Transcript&,
                                  std::int32_t leaf) const override {
    return leaf == Turn::no_parent ? UserMove{.text = "Say apple."} : UserMove{.ends = true};
  }
  Result<TaskSetting> setting(const Task& task) const override {
    script_.on_task(task);
    return TaskSetting{};
  }
  Result<std::uint32_t> planned_turn_count(const Task&) const override { return 1; }

 private:
  const RunScript& script_;
};

class ScriptedGrader final : public Grader {
 public:
  explicit ScriptedGrader(const RunScript& script) : script_(script) {}
  std::string_view name() const override { return "scripted/1"; }
  std::vector<ComponentInfo> components() const override { return {}; }

 private:
  Verdict judge(const Task& task, const Transcript&) const override { return script_.judge(task); }
  const RunScript& script_;
};

// Every answer is "apple", one decode step after it was asked for.
class TalkingEngine final : public Engine {
 public:
  TalkingEngine(RunScript& script, const Tokenizer& tokenizer)
      : script_(script), answer_(tokenizer.encode("apple", false)) {
    answer_.push_back(tokenizer.end_token());
  }
  Result<> submit(GenerateRequest request) override {
    waiting_.push_back(request.id);
    return {};
  }
  bool cancel(std::uint64_t id) override { return std::erase(waiting_, id) > 0; }
  StepReport step() override {
    script_.on_decode();
    StepReport report;
    for (const auto id : std::exchange(waiting_, {})) {
      Generation generation{.id = id, .tokens = answer_, .finish = FinishReason::stop};
      generation.log_probabilities.assign(answer_.size(), -0.5F);
      generation.versions = {{version_, static_cast<std::uint32_t>(answer_.size())}};
      counts_.tokens_sampled += answer_.size();
      script_.tokens_said += answer_.size();
      report.finished.push_back(std::move(generation));
    }
    return report;
  }
  Result<Hash128> swap_weights(const WeightsHandle& weights, PolicyVersion version) override {
    version_ = version;
    return script_.on_install(content_hash(weights));
  }
  bool is_idle() const override { return waiting_.empty(); }
  EngineCounts counts() const override { return counts_; }
  PolicyVersion version() const override { return version_; }

 private:
  RunScript& script_;
  std::vector<Token> answer_;
  std::vector<std::uint64_t> waiting_;
  EngineCounts counts_{};
  PolicyVersion version_ = 0;
};

struct RecordingObserver final : RunObserver {
  std::vector<std::uint64_t> steps{};
  std::map<std::string, Evaluated> evaluations{};
  std::optional<RunOutcome> outcome{};
  std::function<void()> on_step = [] {};  // in the Experiment

  void progressed(const RunProgress&) override {}
  void step_committed(const StepLearned& learned) override {
    on_step();
    steps.push_back(learned.step);
  }
  Result<> evaluated(const Evaluated& evaluated) override {
    evaluations[evaluated.name] = evaluated;
    return {};
  }
  Result<> snapshot_saved(const SnapshotSaved&) override { return {}; }
  Result<> checkpoint_written(const CheckpointWritten&, std::uint64_t) override { return {}; }
  bool has_evaluation(const std::string& name) const override { return evaluations.contains(name); }
  void ended(const RunOutcome& ended) override {
    if (!outcome) outcome = ended;
  }
};

// Learns nothing: each step gives the same weights under its own version.
inline Learner::behavior_type scripted_learner(Learner::pointer, WeightsHandle weights) {
  return {
      [weights](const LearnStep& request) {
        StepLearned learned;
        learned.step = request.step;
        learned.consumed = request.ids;
        learned.weights = make_local_weights(weights, request.step);
        return learned;
      },
      [](const SaveSnapshot& request) {
        return SnapshotSaved{request.step, request.path, {}};
      },
      [weights](const LoadSnapshot& request) {
        return SnapshotLoaded{{}, make_local_weights(weights, request.step)};
      },
  };
}

struct ExperimentLab {
  RunFixture run{};
  RunScript script{};
  ScriptedGrader grader{script};
  MemoryStore disk{};
  std::unique_ptr<LedgerStore> store = *LedgerStore::open(disk, run.clock);
  RecordingObserver observer{};
  RunRecord record{};
  DeterministicSystem lab{};
  std::shared_ptr<SamplerGauges> gauges = std::make_shared<SamplerGauges>();  // of all samplers
  ExperimentParts parts{};
  Experiment experiment{};
  std::vector<caf::actor> all{};  // in the order in which they are ended

  ExperimentLab() {
    auto& spec = run.context->spec;
    spec.budget.steps = 2;
    spec.task.tasks_per_step = 1;
    spec.task.samples_per_task = 2;
    spec.data.train_tasks = 10;
    spec.evaluation.samples_per_task = 1;
    spec.snapshots.every_steps = 0;
    spec.publish.enabled = false;
    run.context->family = std::make_shared<ScriptedFamily>(script);
    run.context->grader = &grader;
    record.id = run.context->run;
    record.name = "scripted";
    record.group_size = spec.task.samples_per_task;
    REQUIRE(store->create_run(record));
  }
  ~ExperimentLab() { end_parts(); }
  ExperimentLab(const ExperimentLab&) = delete;
  ExperimentLab& operator=(const ExperimentLab&) = delete;

  // From what the stores say to where nothing more happens; a grader, ledger or learner that is set
  // already stays. Again from a resume point: everything is spawned anew.
  void start(ResumePoint resume = {}) {
    if (!all.empty()) {
      end_parts();
      observer.outcome.reset();
    }
    spawn_parts();
    ExperimentConfig config;
    config.parts = parts;
    config.initial = make_local_weights(run.checkpoint.weights, 0);
    config.resume = std::move(resume);
    config.observer = &observer;
    experiment = spawn_experiment(lab.system, run.context, std::move(config), Placement::shared);
    const std::vector<NamedPart> named{{"ledger", as_actor(parts.ledger)},
                                       {"learner", as_actor(parts.learner)},
                                       {"publisher", as_actor(parts.publisher)},
                                       {"evaluator", as_actor(parts.evaluator)}};
    all = {spawn_supervisor(lab.system, named, experiment, observer),
           as_actor(experiment),
           as_actor(parts.evaluator),
           evaluation_sampler_,
           as_actor(parts.samplers[0]),
           as_actor(parts.grader)};
    for (const auto& [name, part] : named) all.push_back(part);
    caf::anon_send(experiment, StartRun{});
    run_until_idle();
  }

  void stop() {
    caf::anon_send(experiment, StopRun{"interrupted"});
    run_until_idle();
  }

  // Bounded: parts that ask each other in circles are a failure, not a test that hangs.
  void run_until_idle() {
    for (int jobs = 0; jobs < 100'000; ++jobs)
      if (!lab.scheduler.try_run_once()) return;
    FAIL("the run goes in circles");
  }

  template <class Handle>
  static caf::actor as_actor(const Handle& handle) {
    return caf::actor_cast<caf::actor>(handle);
  }

 private:
  void end_parts() {
    for (const auto& actor : std::exchange(all, {}))
      caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    while (lab.scheduler.try_run_once()) {
    }
    parts = {};
  }

  void spawn_parts() {
    auto& system = lab.system;
    const auto& context = run.context;
    evaluation_sampler_ = sampler("evaluation_sampler");
    parts.samplers = {caf::actor_cast<Sampler>(sampler("sampler_0"))};
    if (!parts.grader) parts.grader = spawn_grader(system, context, {.threads = 0});
    parts.dataset = spawn_dataset(system, context);
    if (!parts.ledger) parts.ledger = spawn_ledger(system, *store, Placement::shared);
    if (!parts.learner) parts.learner = system.spawn(scripted_learner, run.checkpoint.weights);
    parts.publisher = spawn_publisher(system, context, {.samplers = parts.samplers, .base = {}},
                                      Placement::shared);
    EvaluatorConfig evaluation;
    evaluation.sampler = caf::actor_cast<Sampler>(evaluation_sampler_);
    evaluation.grader = parts.grader;
    for (std::uint64_t i = 0; i < 20; ++i)
      evaluation.held_out.push_back(*context->family->make_task(split_held_out, i, 1));
    evaluation.in_flight_max = 4;
    parts.evaluator = spawn_evaluator(system, context, std::move(evaluation));
  }

  // What its keeper tells goes where a run's parts send it.
  caf::actor sampler(const std::string& name) {
    const EngineFactory factory = [this](const WeightsHandle&, PolicyVersion) {
      return Result<std::unique_ptr<Engine>>{
          std::make_unique<TalkingEngine>(script, *run.checkpoint.tokenizer)};
    };
    return spawn_keeper(
        lab.system,
        {.name = name,
         .start =
             [this, factory, name] {
               return as_actor(spawn_sampler(
                   lab.system, run.context,
                   {.name = name, .make_engine = factory, .gauges = gauges}, Placement::shared));
             },
         .on_death =
             [this](const std::string& part, const std::string& reason, bool restarted) {
               const PartDied died{part, reason, restarted};
               if (restarted)
                 caf::anon_send(parts.publisher, died);
               else
                 caf::anon_send(experiment, died);
             }});
  }

  caf::actor evaluation_sampler_{};
};

}  // namespace flywheel::testing
