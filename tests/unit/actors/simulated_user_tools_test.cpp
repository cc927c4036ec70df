// Conversations in which the model calls tools: real sampler, tool host and grader; what the model
// says and what the sandbox gives are scripted.
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <doctest/doctest.h>

#include "actors/simulated_user.hpp"
#include "runtime/base/base64.hpp"
#include "runtime/tasks/one_line_functions.hpp"
#include "runtime/tools/python_tool.hpp"
#include "runtime/tools/shell_tool.hpp"
#include "tests/support/deterministic_system.hpp"
#include "tests/support/run_fixture.hpp"
#include "tests/support/scripted_bench.hpp"
#include "tests/support/scripted_engine.hpp"

namespace flywheel::testing {
namespace {

std::string call_text(const std::string& name, const OrderedJson& arguments) {
  return tool_call_text(name, arguments);
}
const std::string python_call = call_text("python", {{"code", "print(2)"}});
const std::string final_answer = "```python\ndef f(n):\n    return n\n```";

struct ToolLab {
  RunFixture run{};
  Script script{};
  BenchScript bench{};
  std::vector<CodeJudgement> judged{};
  CodeVerdict code_verdict{.status = VerdictStatus::pass, .golden_passed = 10, .golden_count = 10};
  std::vector<ConversationEnded> ended{};
  DeterministicSystem lab{};
  ToolHostConfig host_config{.threads = 0};

  ToolLab() {
    auto& context = *run.context;
    context.spec.model.context_length = 4096;
    context.family = *open_task_family("one_line_functions", {{"tools", true}});
    context.grader = *find_grader(context.family->grader());
    context.toolbox = std::make_shared<Toolbox>(
        std::vector<std::shared_ptr<const Tool>>{python_tool({}), shell_tool({})});
    context.judge_code = [this](const CodeJudgement& judgement) -> Result<CodeVerdict> {
      judged.push_back(judgement);
      return code_verdict;
    };
    host_config.make_workbench = [this](const TaskSetting&) {
      return Result<std::unique_ptr<Workbench>>{std::make_unique<ScriptedBench>(bench)};
    };
    script.tokenizer = run.checkpoint.tokenizer;
  }

  // From the first word to the verdict.
  Rollout talk() {
    const EngineFactory factory = [this](const WeightsHandle&, PolicyVersion) {
      return Result<std::unique_ptr<Engine>>{std::make_unique<ScriptedEngine>(script)};
    };
    const auto sampler =
        spawn_sampler(lab.system, run.context, {.make_engine = factory}, Placement::shared);
    InstallWeights install;
    install.weights = make_local_weights(run.checkpoint.weights, 3);
    REQUIRE(lab.ask<WeightsInstalled>(sampler, install));
    const ConversationObserver observer = lab.system.spawn(
        [this](ConversationObserver::pointer) -> ConversationObserver::behavior_type {
          return {[this](const ConversationEnded& x) { ended.push_back(x); }};
        });
    ConversationConfig config;
    config.rollout.run = run.context->run;
    config.rollout.id = derive_id<RolloutId>(config.rollout.run, 0);
    config.rollout.task = *run.context->family->make_task(split_train, 0, 1);
    config.sampling.tokens_max = 200;
    config.sampler = sampler;
    config.grader = spawn_grader(lab.system, run.context, {.threads = 0});
    config.tools = spawn_tool_host(lab.system, run.context, host_config, Placement::shared);
    config.observer = observer;
    const auto user = spawn_simulated_user(lab.system, run.context, std::move(config));
    caf::anon_send(user, NextTurn{});
    lab.run();
    REQUIRE(ended.size() == 1);
    return ended[0].rollout;
  }
};

// Stands in for `python`, the tool that the tasks of the lab allow; it fetches a page.
class FetchingTool final : public Tool {
 public:
  FetchingTool() { spec_.name = "python"; }
  const ToolSpec& spec() const override { return spec_; }
  ToolLimits limits() const override { return {}; }
  ToolResult run(const Json&, ToolSession&) const override {
    return {.text = "Owls hunt at night.",
            .shown = {"http://a.org/"},
            .fetched = {make_page("http://a.org/", "Owls", "Owls hunt at night.\n")}};
  }

 private:
  ToolSpec spec_{};
};

std::vector<PartKind> kinds_of(const Turn& turn) {
  std::vector<PartKind> kinds;
  for (const Part& part : turn.parts) kinds.push_back(part.kind);
  return kinds;
}

}  // namespace

TEST_SUITE("actors/simulated_user_tools") {
  TEST_CASE("a turn that calls a tool gets its result, and the model goes on to its answer") {
    ToolLab lab;
    lab.script.answers = {{"Let me try.\n" + python_call}, {final_answer}};
    lab.bench.results = {{.output = "2\n"}};

    const Rollout rollout = lab.talk();

    CHECK(lab.ended[0].failure.empty());
    const auto& turns = rollout.transcript.turns;
    REQUIRE(turns.size() == 4);
    CHECK(turns[0].role == Role::user);
    CHECK(kinds_of(turns[1]) == std::vector{PartKind::text, PartKind::tool_call});
    CHECK(turns[1].parts[0].text == "Let me try.");
    CHECK(turns[1].parts[1].name == "python");
    CHECK(turns[1].parts[1].text == R"json({"code":"print(2)"})json");
    CHECK(turns[2].role == Role::tool);
    CHECK(turns[2].parts[0].text == "2\n");
    CHECK(turns[2].parts[0].call_id == turns[1].parts[1].call_id);
    CHECK(text_of(turns[3]) == final_answer);
    CHECK(rollout.verdict.status == VerdictStatus::pass);
    REQUIRE(lab.judged.size() == 1);
    CHECK(lab.judged[0].solution[0].text == "def f(n):\n    return n\n");
    CHECK(lab.judged[0].golden.size() == 10);
    CHECK(lab.run.waits.list().empty());
  }

  TEST_CASE("tool turns extend the tokens exactly, and tool tokens carry no loss") {
    ToolLab lab;
    lab.script.answers = {{python_call}, {final_answer}};
    lab.bench.results = {{.output = "2<|im_end|>\n"}};

    const Rollout rollout = lab.talk();

    REQUIRE(lab.script.requests.size() == 2);
    auto seen = lab.script.requests[0].prompt;
    const auto& call = lab.script.generations[0].tokens;
    seen.insert(seen.end(), call.begin(), call.end());
    const auto& second = lab.script.requests[1].prompt;
    REQUIRE(second.size() > seen.size());
    CHECK(std::equal(seen.begin(), seen.end(), second.begin()));
    std::string tool_words;
    for (const Turn& turn : rollout.transcript.turns)
      for (const Span& span : turn.spans) {
        CHECK(span.carries_loss == (span.origin == TokenOrigin::policy));
        CHECK(span.log_probabilities.size() == (span.carries_loss ? span.tokens.size() : 0));
        if (span.origin != TokenOrigin::tool) continue;
        CHECK(turn.role == Role::tool);
        for (const Token token : span.tokens) CHECK_FALSE(lab.script.tokenizer->is_special(token));
        tool_words += lab.script.tokenizer->decode(span.tokens, false);
      }
    CHECK(tool_words == "2<|im_end|>\n");
  }

  TEST_CASE("the model is told of its tools, and only of those its task allows") {
    ToolLab lab;
    lab.script.answers = {{final_answer}};

    lab.talk();

    const auto opening = lab.script.tokenizer->decode(lab.script.requests[0].prompt, false);
    CHECK(opening.find("<tools>") != std::string::npos);
    CHECK(opening.find("\"name\":\"python\"") != std::string::npos);
    CHECK(opening.find("shell") == std::string::npos);
    CHECK(lab.bench.made_count == 0);  // no container where nothing is run
  }

  TEST_CASE("a tool that the task does not allow is refused by the host and costs no container") {
    ToolLab lab;
    lab.script.answers = {{call_text("shell", {{"command", "ls"}})}, {final_answer}};

    const Rollout rollout = lab.talk();

    CHECK(rollout.transcript.turns[2].parts[0].text ==
          "there is no tool 'shell' here; there are: python");
    CHECK(lab.bench.made_count == 0);
    CHECK(lab.bench.commands.empty());
  }

  TEST_CASE("a call that can't be read is answered, and the conversation goes on") {
    ToolLab lab;
    lab.script.answers = {{"<tool_call>print(2)</tool_call>"}, {final_answer}};

    const Rollout rollout = lab.talk();

    CHECK(rollout.transcript.turns[1].parts[1].text == "print(2)");
    CHECK(rollout.transcript.turns[2].parts[0].text.find("not JSON") != std::string::npos);
    CHECK(rollout.verdict.status == VerdictStatus::pass);
  }

  TEST_CASE("a picture that the tool made is in the transcript as a data URL") {
    ToolLab lab;
    lab.script.answers = {{python_call}, {final_answer}};
    lab.bench.results = {{}};
    const Json picture{{"png", encode_base64("PNG!")}, {"is_main_result", false}};
    lab.bench.files["/tmp/cell_1.json"] = Json{{"results", {picture}}}.dump();

    const Rollout rollout = lab.talk();

    const auto& parts = rollout.transcript.turns[2].parts;
    REQUIRE(parts.size() == 2);
    CHECK(parts[1].kind == PartKind::file);
    CHECK(parts[1].name == "plot_1.png");
    CHECK(parts[1].text == "data:image/png;base64," + encode_base64("PNG!"));
  }

  TEST_CASE("an answer cites a page that its conversation fetched, and before that it can't") {
    const std::string cite = "<cite url=\"http://a.org/\">Owls hunt</cite>";
    ToolLab lab;
    lab.run.context->toolbox = std::make_shared<Toolbox>(
        std::vector<std::shared_ptr<const Tool>>{std::make_shared<FetchingTool>()});
    lab.script.answers = {{cite + call_text("python", OrderedJson::object())}, {cite}};

    const Rollout rollout = lab.talk();

    const auto& turns = rollout.transcript.turns;
    REQUIRE(turns.size() == 4);
    CHECK(turns[1].parts[0].text == "Owls hunt");
    CHECK(turns[1].parts[0].name.empty());
    CHECK(turns[3].parts[0].text == "Owls hunt");
    CHECK(turns[3].parts[0].name == "http://a.org/");
  }

  TEST_CASE("past the bound the model is told once; then its turn is its answer") {
    ToolLab lab;
    lab.run.context->spec.tools.calls_max = 2;
    for (int i = 0; i < 4; ++i) lab.script.answers.push_back({python_call});
    lab.bench.results = {{.output = "1"}, {.output = "2"}};

    const Rollout rollout = lab.talk();

    CHECK(lab.bench.commands.size() == 2);
    CHECK(lab.script.requests.size() == 4);
    const auto& turns = rollout.transcript.turns;
    REQUIRE(turns.size() == 8);
    CHECK(turns[6].parts[0].text == "no more tool calls can be made: answer now");
    CHECK(turns[7].role == Role::assistant);
    CHECK(rollout.verdict.status == VerdictStatus::fail);
  }

  TEST_CASE("a turn that was cut at the token limit is taken as it is: half a call is not run") {
    ToolLab lab;
    lab.script.answers = {{"<tool_call>{\"name\": \"py", FinishReason::length}};

    const Rollout rollout = lab.talk();

    CHECK(rollout.transcript.turns.size() == 2);
    CHECK(lab.bench.commands.empty());
    CHECK(rollout.verdict.status == VerdictStatus::fail);
  }

  TEST_CASE("a conversation's container goes when the conversation ends") {
    ToolLab lab;
    lab.script.answers = {{python_call}, {python_call}, {final_answer}};
    lab.bench.results = {{.output = "1"}, {.output = "2"}};

    lab.talk();

    CHECK(lab.bench.made_count == 1);
    CHECK(lab.bench.alive_count == 0);
  }

  TEST_CASE("a sandbox that can't judge is asked again and is never a reward of 0") {
    ToolLab lab;
    lab.script.answers = {{final_answer}};
    lab.code_verdict = {.status = VerdictStatus::infra_error, .reason = "no container"};

    const Rollout rollout = lab.talk();

    CHECK(lab.judged.size() == 3);
    CHECK(rollout.verdict.status == VerdictStatus::infra_error);
    CHECK(rollout.verdict.note == "no container");
  }

  TEST_CASE("a run without tools says so where a task has them") {
    ToolLab lab;
    lab.run.context->toolbox = nullptr;

    lab.talk();

    CHECK(lab.ended[0].failure.find("the task has tools and the run has none") !=
          std::string::npos);
  }
}

}  // namespace flywheel::testing
