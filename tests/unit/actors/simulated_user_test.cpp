// One conversation at a time: a real sampler, ledger and grader; only what the model says is
// scripted.
#include "actors/simulated_user.hpp"

#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <doctest/doctest.h>

#include "runtime/tasks/structured_requests.hpp"
#include "storage/memory_store.hpp"
#include "tests/support/deterministic_system.hpp"
#include "tests/support/run_fixture.hpp"
#include "tests/support/scripted_engine.hpp"

namespace flywheel::testing {
namespace {

constexpr PolicyVersion version = 5;

// Cannot judge the first `failures` times; then everything passes.
class UnsureGrader final : public Grader {
 public:
  explicit UnsureGrader(int failures) : failures_(failures) {}
  std::string_view name() const override { return "unsure/1"; }
  std::vector<ComponentInfo> components() const override { return {}; }
  int calls() const { return calls_; }

 private:
  Verdict judge(const Task&, const Transcript&) const override {
    if (++calls_ <= failures_) return infra_error_verdict(name(), "the sandbox is gone");
    return {.status = VerdictStatus::pass, .reward = 1.0, .grader = "unsure/1"};
  }
  int failures_ = 0;
  mutable int calls_ = 0;
};

struct UserLab {
  RunFixture run{};
  MemoryStore disk{};
  std::unique_ptr<LedgerStore> store = *LedgerStore::open(disk, run.clock);
  Script script{};
  std::vector<ConversationEnded> ended{};
  DeterministicSystem lab{};
  Ledger ledger = spawn_ledger(lab.system, *store, Placement::shared);
  Rollout rollout{};

  UserLab() {
    run.context->spec.model.context_length = 2048;
    script.tokenizer = run.checkpoint.tokenizer;
    REQUIRE(store->create_run({.id = run.context->run, .name = "test"}));
    rollout.run = run.context->run;
    rollout.id = derive_id<RolloutId>(rollout.run, 0);
    rollout.task.family = "structured_requests";
    rollout.task.split = "train";
    rollout.task.parameters =
        to_json(StructuredRequest{"direct",
                                  "test",
                                  "fruits",
                                  {{ListAsk::list, 2, ListStyle::any, "List exactly 2 fruits."},
                                   {ListAsk::keep, 1, ListStyle::any, "Keep just one of them."}},
                                  {}});
    REQUIRE(store->plan({rollout}));
    REQUIRE(store->start({rollout.id}));
  }

  // From its first word to where nothing more happens; what the ledger then has.
  Rollout talk() {
    const EngineFactory factory = [this](const WeightsHandle&, PolicyVersion) {
      return Result<std::unique_ptr<Engine>>{std::make_unique<ScriptedEngine>(script)};
    };
    const auto sampler =
        spawn_sampler(lab.system, run.context, {.make_engine = factory}, Placement::shared);
    const auto& weights = run.checkpoint.weights;
    InstallWeights install;
    install.weights = make_local_weights(weights, version);
    REQUIRE(lab.ask<WeightsInstalled>(sampler, install));
    const ConversationObserver observer = lab.system.spawn(
        [this](ConversationObserver::pointer) -> ConversationObserver::behavior_type {
          return {[this](const ConversationEnded& x) { ended.push_back(x); }};
        });
    ConversationConfig config;
    config.rollout = rollout;
    config.sampling.tokens_max = 32;
    config.sampler = sampler;
    config.grader = spawn_grader(lab.system, run.context);
    config.ledger = ledger;
    config.observer = observer;
    const auto user = spawn_simulated_user(lab.system, run.context, std::move(config));
    caf::anon_send(user, NextTurn{});
    lab.run();
    return *store->rollout(rollout.id);
  }
};

std::vector<Token> all_tokens(const Transcript& transcript) {
  return tokens_to(transcript, static_cast<std::int32_t>(transcript.turns.size()) - 1);
}

void check_masks(const Transcript& transcript) {
  for (const Turn& turn : transcript.turns)
    for (const Span& span : turn.spans) {
      const bool is_sampled = span.origin == TokenOrigin::policy;
      CHECK(span.carries_loss == is_sampled);
      CHECK(span.log_probabilities.size() == (is_sampled ? span.tokens.size() : 0));
      if (is_sampled) CHECK(span.policy_version == version);
    }
}

}  // namespace

TEST_SUITE("actors/simulated_user") {
  TEST_CASE("a later turn extends the earlier tokens exactly, and only sampled ones carry loss") {
    UserLab lab;
    lab.script.answers = {{"- apple\n- pear"}, {"- apple"}};

    const Rollout stored = lab.talk();

    REQUIRE(lab.ended.size() == 1);
    CHECK(lab.ended[0].failure.empty());
    CHECK(stored.state == RolloutState::graded);
    CHECK(stored.oldest_version == version);
    REQUIRE(lab.script.requests.size() == 2);
    auto expected = lab.script.requests[0].prompt;
    const auto& first = lab.script.generations[0].tokens;
    expected.insert(expected.end(), first.begin(), first.end());
    const auto& second = lab.script.requests[1].prompt;
    REQUIRE(second.size() > expected.size());
    CHECK(std::equal(expected.begin(), expected.end(), second.begin()));
    expected = second;
    const auto& last = lab.script.generations[1].tokens;
    expected.insert(expected.end(), last.begin(), last.end());
    CHECK(all_tokens(stored.transcript) == expected);
    CHECK(lab.ended[0].tokens_sampled == first.size() + last.size());
    check_masks(stored.transcript);
    CHECK(lab.run.waits.list().empty());
  }

  TEST_CASE("a turn that the engine gives up ends the conversation by name and is not stored") {
    UserLab lab;
    lab.script.answers = {{"- apple", FinishReason::cancelled, "the logits are not finite"}};

    const Rollout stored = lab.talk();

    REQUIRE(lab.ended.size() == 1);
    CHECK(lab.ended[0].failure.find("the logits are not finite") != std::string::npos);
    CHECK(lab.ended[0].failure.find("learning.learning_rate") != std::string::npos);
    CHECK(stored.state == RolloutState::running);
    CHECK(stored.transcript.turns.empty());
  }

  TEST_CASE("a turn that is cut is closed with masked tokens that the policy did not sample") {
    UserLab lab;
    lab.script.answers = {{"- apple\n- pe", FinishReason::length},
                          {"- apple", FinishReason::length}};

    const Rollout stored = lab.talk();

    REQUIRE(lab.ended.size() == 1);
    CHECK(stored.state == RolloutState::graded);
    const Turn& cut = stored.transcript.turns.back();
    CHECK(cut.finish == FinishReason::length);
    REQUIRE(cut.spans.size() == 2);
    CHECK(cut.spans[0].origin == TokenOrigin::policy);
    CHECK(cut.spans[1].origin == TokenOrigin::chat_template);
    CHECK(cut.spans[1].tokens.front() == lab.run.checkpoint.tokenizer->end_token());
    check_masks(stored.transcript);
  }

  TEST_CASE("a grader that cannot judge is asked again") {
    UserLab lab;
    const UnsureGrader grader{2};
    lab.run.context->grader = &grader;
    lab.script.answers = {{"- apple\n- pear"}, {"- apple"}};

    const Rollout stored = lab.talk();

    CHECK(grader.calls() == 3);
    REQUIRE(lab.ended.size() == 1);
    CHECK_FALSE(lab.ended[0].was_discarded);
    CHECK(stored.state == RolloutState::graded);
    CHECK(stored.verdict.reward == 1.0);
  }

  TEST_CASE("a rollout that nobody can judge is discarded with the note, never rewarded with 0") {
    UserLab lab;
    const UnsureGrader grader{100};
    lab.run.context->grader = &grader;
    lab.script.answers = {{"- apple\n- pear"}, {"- apple"}};

    const Rollout stored = lab.talk();

    CHECK(grader.calls() == 3);
    REQUIRE(lab.ended.size() == 1);
    CHECK(lab.ended[0].was_discarded);
    CHECK(lab.ended[0].failure.empty());
    CHECK(stored.state == RolloutState::discarded);
    CHECK(stored.discard_reason == "infra_error: the sandbox is gone");
  }

  TEST_CASE("a conversation whose ledger fails says so once, and leaves the rollout running") {
    UserLab lab;
    lab.script.answers = {{"- apple\n- pear"}, {"- apple"}};
    lab.disk.set_faults({.failing_write = 1});

    const Rollout stored = lab.talk();

    REQUIRE(lab.ended.size() == 1);
    CHECK(lab.ended[0].failure.find("rollout 0, storing") != std::string::npos);
    CHECK(stored.state == RolloutState::running);
  }

  TEST_CASE("a rollout that had finished before a crash is judged and not talked again") {
    UserLab lab;
    lab.script.answers = {{"- apple\n- pear"}, {"- apple"}};
    lab.disk.set_faults({.failing_write = 2});  // the verdict is lost
    lab.rollout = lab.talk();
    REQUIRE(lab.rollout.state == RolloutState::finished);
    lab.ended.clear();

    const Rollout stored = lab.talk();

    CHECK(lab.script.requests.size() == 2);
    CHECK(lab.ended.size() == 1);
    CHECK(stored.state == RolloutState::graded);
  }
}

}  // namespace flywheel::testing
