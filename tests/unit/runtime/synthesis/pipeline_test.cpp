// Pipelines of numbers: what passes, what is rejected, what an interruption and a failure cost.
#include "runtime/synthesis/pipeline.hpp"

#include <mutex>
#include <set>
#include <stdexcept>

#include <doctest/doctest.h>

namespace flywheel {
namespace {

using Items = std::span<const PipelineItem>;

// A number is split into its factors' neighbours, odd ones are rejected, even ones are halved.
class NumberPipeline {
 public:
  std::vector<Stage> stages() {
    Stage split{"split", 1, "numbers", 1, [this](Items items) { return split_all(items); }};
    Stage halve{"halve", 1, "parts", 3, [this](Items items) { return halve_all(items); }};
    return {std::move(split), std::move(halve)};
  }

  std::size_t batches() const { return batches_; }
  std::size_t batch_largest() const { return batch_largest_; }
  void break_next(std::size_t count) { broken_ = count; }

 private:
  Result<std::vector<StageOutcome>> split_all(Items items) {
    std::vector<StageOutcome> outcomes;
    for (const PipelineItem& item : items) {
      StageOutcome outcome;
      for (int n = 0; n < item.data.get<int>(); ++n)
        outcome.passed.push_back({item.id + "/" + std::to_string(n), item.id, n});
      if (outcome.passed.empty()) outcome.rejected.push_back({item.id, "zero", ""});
      outcomes.push_back(std::move(outcome));
    }
    return outcomes;
  }

  Result<std::vector<StageOutcome>> halve_all(Items items) {
    const std::lock_guard lock{mutex_};
    ++batches_;
    batch_largest_ = std::max(batch_largest_, items.size());
    if (broken_ > 0) {
      --broken_;
      return fail(Failure::unavailable, "the machine broke");
    }
    std::vector<StageOutcome> outcomes;
    for (const PipelineItem& item : items) {
      CHECK(item.group == items.front().group);
      const int number = item.data.get<int>();
      StageOutcome outcome;
      if (number % 2 == 1)
        outcome.rejected.push_back({item.id, "odd", std::to_string(number)});
      else
        outcome.passed.push_back({item.id, item.group, number / 2});
      outcomes.push_back(std::move(outcome));
    }
    return outcomes;
  }

  std::mutex mutex_;
  std::size_t batches_ = 0;
  std::size_t batch_largest_ = 0;
  std::size_t broken_ = 0;
};

std::vector<PipelineItem> numbers() {
  return {{"four", "four", 4}, {"none", "none", 0}, {"seven", "seven", 7}};
}

std::vector<std::string> ids(const PipelineResult& result) {
  std::vector<std::string> found;
  for (const PipelineItem& each : result.items) found.push_back(each.id);
  return found;
}

const std::vector<std::string> finished{"four/0",  "four/2",  "seven/0",
                                        "seven/2", "seven/4", "seven/6"};

}  // namespace

TEST_SUITE("runtime/synthesis/pipeline") {
  TEST_CASE("items pass, split and are rejected, and the funnel counts each of them") {
    NumberPipeline pipeline;
    MemoryJournal journal;

    const auto result = run_pipeline(numbers(), pipeline.stages(), journal, {});

    REQUIRE(result);
    CHECK(ids(*result) == finished);
    CHECK(result->items[5].data == 3);
    REQUIRE(result->rejections.size() == 6);
    CHECK(result->rejections.front().reason == "zero");
    CHECK(result->rejections.back().detail == "5");
    CHECK(result->funnel[0].taken == 3);
    CHECK(result->funnel[0].passed == 11);
    CHECK(result->funnel[1].taken == 11);
    CHECK(result->funnel[1].reasons.at("odd") == 5);
    CHECK(pipeline.batch_largest() == 3);
    CHECK_FALSE(result->is_interrupted);
  }

  TEST_CASE("what the journal knows is not worked out again, and comes to the same") {
    NumberPipeline pipeline;
    MemoryJournal journal;
    REQUIRE(run_pipeline(numbers(), pipeline.stages(), journal, {}));
    const std::size_t batches = pipeline.batches();

    const auto again = run_pipeline(numbers(), pipeline.stages(), journal, {});

    REQUIRE(again);
    CHECK(ids(*again) == finished);
    CHECK(again->rejections.size() == 6);
    CHECK(again->funnel[1].remembered == 11);
    CHECK(pipeline.batches() == batches);
  }

  TEST_CASE("a stage with a new version and an item with other data are worked out anew") {
    NumberPipeline pipeline;
    MemoryJournal journal;
    REQUIRE(run_pipeline(numbers(), pipeline.stages(), journal, {}));
    auto stages = pipeline.stages();
    stages[1].version = 2;

    const auto newer = run_pipeline(numbers(), stages, journal, {});
    auto changed = numbers();
    changed[0].data = 5;
    const auto other = run_pipeline(changed, pipeline.stages(), journal, {});

    REQUIRE(newer);
    CHECK(newer->funnel[0].remembered == 3);
    CHECK(newer->funnel[1].remembered == 0);
    REQUIRE(other);
    CHECK(other->funnel[0].remembered == 2);
    CHECK(other->items.size() == 7);
  }

  TEST_CASE("an interrupted pipeline stops between batches and is finished by the next run") {
    NumberPipeline pipeline;
    MemoryJournal journal;
    std::atomic<bool> is_stopping{false};
    PipelineConfig config;
    config.worker_count = 1;
    config.is_stopping = &is_stopping;
    config.on_progress = [&](const PipelineProgress& progress) {
      if (progress.funnel[1].taken > 0) is_stopping = true;
    };

    const auto first = run_pipeline(numbers(), pipeline.stages(), journal, config);
    const auto second = run_pipeline(numbers(), pipeline.stages(), journal, {});

    REQUIRE(first);
    CHECK(first->is_interrupted);
    CHECK(first->items.size() < finished.size());
    REQUIRE(second);
    CHECK(ids(*second) == finished);
    CHECK(second->funnel[1].remembered == first->funnel[1].taken);
  }

  TEST_CASE("a stage that breaks once is tried again, one that goes on breaking is counted") {
    NumberPipeline pipeline;
    MemoryJournal journal;
    pipeline.break_next(1);
    const auto once = run_pipeline(numbers(), pipeline.stages(), journal, {});
    NumberPipeline hopeless;
    MemoryJournal empty;
    hopeless.break_next(1000);
    const auto always = run_pipeline(numbers(), hopeless.stages(), empty, {});

    REQUIRE(once);
    CHECK(ids(*once) == finished);
    CHECK(once->funnel[1].broken == 0);
    REQUIRE(always);
    CHECK(always->items.empty());
    CHECK(always->funnel[1].broken == 11);
    CHECK(always->first_error == "halve: the machine broke");
  }

  TEST_CASE("a stage that throws breaks its items, by name, and the rest goes on") {
    const auto stages = [](const auto& thrown) {
      Stage read{"read", 1, "items", 1, [=](Items items) {
                   if (items.front().id == "none") throw thrown;
                   std::vector<StageOutcome> outcomes(1);
                   outcomes[0].passed.push_back(items.front());
                   return Result<std::vector<StageOutcome>>{std::move(outcomes)};
                 }};
      return std::vector<Stage>{std::move(read)};
    };
    MemoryJournal journal;

    const auto result =
        run_pipeline(numbers(), stages(std::runtime_error{"type must be string"}), journal, {});
    MemoryJournal other;
    const auto strange = run_pipeline(numbers(), stages(7), other, {});

    REQUIRE(result);
    CHECK(ids(*result) == std::vector<std::string>{"four", "seven"});
    CHECK(result->funnel[0].broken == 1);
    CHECK(result->first_error == "read: threw at none: type must be string");
    REQUIRE(strange);
    CHECK(strange->funnel[0].broken == 1);
  }

  TEST_CASE("a run with other settings finds only the outcomes that do not depend on them") {
    NumberPipeline pipeline;
    MemoryJournal journal;
    const auto run = [&](const std::string& settings) {
      auto stages = pipeline.stages();
      stages[1].settings = settings;
      const auto result = run_pipeline(numbers(), stages, journal, {});
      REQUIRE(result);
      CHECK(ids(*result) == finished);
      return std::pair{result->funnel[0].remembered, result->funnel[1].remembered};
    };
    using Counts = std::pair<std::uint64_t, std::uint64_t>;
    CHECK(run("runs 10") == Counts{0, 0});
    CHECK(run("runs 3") == Counts{3, 0});
    CHECK(run("runs 10") == Counts{3, 11});
  }

  TEST_CASE("more waiting items than the bound end the pipeline with an error") {
    NumberPipeline pipeline;
    MemoryJournal journal;
    PipelineConfig config;
    config.queue_max = 6;

    const auto result = run_pipeline(numbers(), pipeline.stages(), journal, config);
    config.queue_max = 11;
    const auto just_valid = run_pipeline(numbers(), pipeline.stages(), journal, config);

    REQUIRE_FALSE(result);
    CHECK(result.error().failure == Failure::resource_exhausted);
    CHECK(just_valid);
  }

  TEST_CASE("property: any number of workers comes to the same") {
    for (std::size_t workers = 1; workers <= 8; ++workers) {
      CAPTURE(workers);
      NumberPipeline pipeline;
      MemoryJournal journal;
      PipelineConfig config;
      config.worker_count = workers;
      const auto result = run_pipeline(numbers(), pipeline.stages(), journal, config);
      REQUIRE(result);
      CHECK(ids(*result) == finished);
      CHECK(result->rejections.size() == 6);
    }
  }
}

}  // namespace flywheel
