// An Engine that says what the test tells it to, in order of request; its weights are real.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/inference/engine.hpp"
#include "runtime/model/tokenizer.hpp"

namespace flywheel::testing {

struct ScriptedAnswer {
  std::string text{};
  FinishReason finish = FinishReason::stop;  // stop adds the end token
  std::string failure{};                     // the engine gives the sequence up
};

// What the test prepares and looks at; outlives the engine.
struct Script {
  std::shared_ptr<const Tokenizer> tokenizer{};
  std::deque<ScriptedAnswer> answers{};
  std::vector<GenerateRequest> requests{};  // as they came in
  std::vector<Generation> generations{};    // as they were answered
};

class ScriptedEngine final : public Engine {
 public:
  explicit ScriptedEngine(Script& script) : script_(script) {}

  Result<> submit(GenerateRequest request) override {
    script_.requests.push_back(request);
    waiting_.push_back(std::move(request));
    return {};
  }
  bool cancel(std::uint64_t) override { return false; }
  StepReport step() override {
    StepReport report;
    for (const auto& request : std::exchange(waiting_, {})) report.finished.push_back(say(request));
    return report;
  }
  Result<Hash128> swap_weights(const WeightsHandle& weights, PolicyVersion version) override {
    version_ = version;
    return content_hash(weights);
  }
  bool is_idle() const override { return waiting_.empty(); }
  EngineCounts counts() const override { return {}; }
  PolicyVersion version() const override { return version_; }

 private:
  Generation say(const GenerateRequest& request) {
    const auto answer = script_.answers.front();
    script_.answers.pop_front();
    Generation generation{.id = request.id, .finish = answer.finish, .failure = answer.failure};
    generation.tokens = script_.tokenizer->encode(answer.text, false);
    if (answer.finish == FinishReason::stop)
      generation.tokens.push_back(script_.tokenizer->end_token());
    generation.log_probabilities.assign(generation.tokens.size(), -0.5F);
    generation.versions = {{version_, static_cast<std::uint32_t>(generation.tokens.size())}};
    script_.generations.push_back(generation);
    return generation;
  }

  Script& script_;
  std::vector<GenerateRequest> waiting_;
  PolicyVersion version_ = 0;
};

}  // namespace flywheel::testing
