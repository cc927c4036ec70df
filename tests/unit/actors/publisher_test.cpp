// Publishing weights: a sampler that does not hold what it was given is found out on the first
// sync, and may not stamp a single token.
#include "actors/publisher.hpp"

#include <doctest/doctest.h>

#include "runtime/model/weights_handle.hpp"
#include "tests/support/deterministic_system.hpp"
#include "tests/support/run_fixture.hpp"
#include "tests/unit/actors/mixed_weights.hpp"

using namespace flywheel;
using flywheel::testing::DeterministicSystem;
using flywheel::testing::RunFixture;

namespace {

// A real engine whose swap_weights a test can break.
class FaultyEngine final : public Engine {
 public:
  using Swap = std::function<Result<Hash128>(Engine& real, const WeightsHandle&, PolicyVersion)>;

  FaultyEngine(std::unique_ptr<Engine> real, Swap swap)
      : real_(std::move(real)), swap_(std::move(swap)) {}

  Result<> submit(GenerateRequest request) override { return real_->submit(std::move(request)); }
  bool cancel(std::uint64_t id) override { return real_->cancel(id); }
  StepReport step() override { return real_->step(); }
  Result<Hash128> swap_weights(const WeightsHandle& weights, PolicyVersion version) override {
    return swap_(*real_, weights, version);
  }
  bool is_idle() const override { return real_->is_idle(); }
  EngineCounts counts() const override { return real_->counts(); }
  PolicyVersion version() const override { return real_->version(); }

 private:
  std::unique_ptr<Engine> real_;
  Swap swap_;
};

struct PublisherLab {
  RunFixture run{};
  DeterministicSystem lab{};
  Sampler sampler{};
  Publisher publisher{};

  explicit PublisherLab(FaultyEngine::Swap swap) {
    const EngineFactory factory = [swap](const WeightsHandle& weights,
                                         PolicyVersion version) -> Result<std::unique_ptr<Engine>> {
      EngineConfig config{.sequences_max = 4, .context_length_max = 128};
      config.threads = 1;
      FLYWHEEL_TRY(auto real, make_engine(weights, version, config));
      return std::unique_ptr<Engine>{new FaultyEngine{std::move(real), swap}};
    };
    sampler = spawn_sampler(lab.system, run.context, {.make_engine = factory}, Placement::shared);
    PublisherConfig config;
    config.samplers = {sampler};
    publisher = spawn_publisher(lab.system, run.context, std::move(config), Placement::shared);
  }

  Result<WeightsPublished> publish(const WeightsHandle& weights, PolicyVersion version) {
    return lab.ask<WeightsPublished>(publisher,
                                     PublishWeights{make_local_weights(weights, version)});
  }
  Result<Generated> generate() {
    Generate request;
    request.request.prompt = {1, 2, 3};
    request.request.sampling.tokens_max = 4;
    return lab.ask<Generated>(sampler, request);
  }
};

Result<Hash128> deliver(Engine& real, const WeightsHandle& weights, PolicyVersion version) {
  return real.swap_weights(weights, version);
}

}  // namespace

TEST_SUITE("actors/publisher") {
  TEST_CASE("tokens carry a version once its weights are proven") {
    PublisherLab lab{deliver};
    CHECK_FALSE(lab.generate());  // nothing is proven yet

    const auto published = lab.publish(lab.run.checkpoint.weights, 7);

    REQUIRE(published);
    CHECK(published->version == 7);
    CHECK(published->hash == content_hash(lab.run.checkpoint.weights));
    const auto generated = lab.generate();
    REQUIRE(generated);
    REQUIRE(generated->generation.versions.size() == 1);
    CHECK(generated->generation.versions[0].version == 7);
    CHECK(lab.run.waits.list().empty());
  }

  TEST_CASE("weights that are never delivered are caught on the first sync") {
    const auto before = random_weights(RunFixture{}.checkpoint.config, 1);
    const auto after = random_weights(RunFixture{}.checkpoint.config, 2);
    bool delivers = true;
    PublisherLab lab{[&](Engine& real, const WeightsHandle& weights, PolicyVersion version) {
      // The engine says what it holds, and keeps the weights it had.
      return delivers ? real.swap_weights(weights, version) : real.swap_weights(before, version);
    }};
    REQUIRE(lab.publish(before, 1));
    delivers = false;

    const auto published = lab.publish(after, 2);

    REQUIRE_FALSE(published);
    CHECK(published.error().failure == Failure::hash_mismatch);
    CHECK(published.error().message.find(to_string(content_hash(before))) != std::string::npos);
    CHECK(published.error().message.find(to_string(content_hash(after))) != std::string::npos);
    CHECK_FALSE(lab.generate());
  }

  TEST_CASE("one stale tensor is caught on the first sync, and no token is sampled after it") {
    const auto before = random_weights(RunFixture{}.checkpoint.config, 1);
    const auto after = random_weights(RunFixture{}.checkpoint.config, 2);
    const auto mixed =
        flywheel::testing::with_tensor_of(after, before, "model.layers.1.mlp.down_proj.weight");
    bool is_stale = false;
    PublisherLab lab{[&](Engine& real, const WeightsHandle& weights, PolicyVersion version) {
      return real.swap_weights(is_stale ? mixed : weights, version);
    }};
    REQUIRE(lab.publish(before, 1));
    is_stale = true;

    const auto published = lab.publish(after, 2);

    REQUIRE_FALSE(published);
    CHECK(published.error().failure == Failure::hash_mismatch);
    CHECK(published.error().message.find(to_string(content_hash(mixed))) != std::string::npos);
    CHECK(published.error().message.find(to_string(content_hash(after))) != std::string::npos);
    CHECK_FALSE(lab.generate());
  }

  TEST_CASE("a sampler that is given the weights again after a fault goes on") {
    const auto old_weights = random_weights(RunFixture{}.checkpoint.config, 1);
    const auto weights = random_weights(RunFixture{}.checkpoint.config, 2);
    int swaps = 0;
    PublisherLab lab{[&](Engine& real, const WeightsHandle& given, PolicyVersion version) {
      return real.swap_weights(++swaps == 1 ? old_weights : given, version);
    }};

    const auto published = lab.publish(weights, 3);

    REQUIRE(published);
    CHECK(swaps == 2);
    CHECK(lab.generate());
  }
}
