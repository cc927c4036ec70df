// Random histories of a ledger against a model, with the power cut at random moments: nothing that
// was answered is lost, nothing is consumed twice.
#include <random>

#include <doctest/doctest.h>

#include "storage/fsck.hpp"
#include "storage/ledger_store.hpp"
#include "storage/memory_store.hpp"
#include "storage/metric_store.hpp"
#include "tests/unit/storage/sample_records.hpp"

namespace flywheel {
namespace {

constexpr std::uint64_t staleness_max = 1;

// What the answers so far promise.
struct Model {
  std::vector<RolloutState> states{};
  std::vector<PolicyVersion> versions{};
  std::vector<std::uint64_t> consumer{};  // the step that consumed it; 0 = none
  std::uint64_t last_step = 0;
};

class History {
 public:
  explicit History(std::uint64_t seed) : random_(seed) {
    reopen();
    REQUIRE(ledger_->create_run(run_));
  }

  void run(int operation_count) {
    for (int i = 0; i < operation_count; ++i) {
      const auto kind = below(20);
      if (kind == 0)
        crash();
      else if (kind == 1)
        fail_a_write();
      else
        operate(kind);
    }
    crash();
    compare();
    check_disk();
  }

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  RolloutId id(std::uint64_t index) const { return derive_id<RolloutId>(run_.id, index); }

  void reopen() {
    ledger_.reset();
    auto opened = LedgerStore::open(disk_, clock_);
    REQUIRE(opened);
    ledger_ = std::move(*opened);
  }

  // Up to `most` random rollouts in a state.
  std::vector<std::uint64_t> some(RolloutState state, std::uint64_t most) {
    std::vector<std::uint64_t> indices;
    for (std::uint64_t i = 0; i < model_.states.size(); ++i)
      if (model_.states[i] == state) indices.push_back(i);
    std::shuffle(indices.begin(), indices.end(), random_);
    indices.resize(std::min<std::size_t>(indices.size(), below(most + 1)));
    return indices;
  }
  std::vector<RolloutId> ids(const std::vector<std::uint64_t>& indices) const {
    std::vector<RolloutId> all;
    for (const std::uint64_t index : indices) all.push_back(id(index));
    return all;
  }
  void set(const std::vector<std::uint64_t>& indices, RolloutState state) {
    for (const std::uint64_t index : indices) model_.states[index] = state;
  }

  void operate(std::uint64_t kind) {
    if (kind < 4) return plan();
    if (kind < 7) return change(RolloutState::planned, RolloutState::running);
    if (kind < 10) return finish();
    if (kind < 13) return grade();
    if (kind < 15) return lease();
    if (kind < 16) return commit();
    if (kind < 17) return release();
    if (kind < 18) return change(RolloutState::running, RolloutState::planned);
    if (kind < 19) return discard();
    if (below(4) == 0) roll_back();
  }

  void plan() {
    const std::uint64_t count = 1 + below(8);
    REQUIRE(ledger_->plan(sample_rollouts(run_, model_.states.size(), count)));
    model_.states.resize(model_.states.size() + count, RolloutState::planned);
    model_.versions.resize(model_.states.size(), 0);
    model_.consumer.resize(model_.states.size(), 0);
  }

  void change(RolloutState from, RolloutState to) {
    const auto indices = some(from, 6);
    REQUIRE((to == RolloutState::running ? ledger_->start(ids(indices))
                                         : ledger_->requeue(ids(indices))));
    set(indices, to);
  }

  void finish() {
    const auto indices = some(RolloutState::running, 6);
    std::vector<LedgerChange> changes;
    for (const std::uint64_t index : indices) {
      model_.versions[index] =
          model_.last_step - below(std::min(model_.last_step, staleness_max) + 1);
      changes.push_back(FinishRollout{id(index), sample_transcript(3, model_.versions[index])});
    }
    for (const auto& answer : ledger_->apply(std::move(changes))) REQUIRE(answer);
    set(indices, RolloutState::finished);
  }

  void grade() {
    const auto indices = some(RolloutState::finished, 6);
    std::vector<LedgerChange> changes;
    for (const std::uint64_t index : indices)
      changes.push_back(GradeRollout{id(index), sample_verdict()});
    for (const auto& answer : ledger_->apply(std::move(changes))) REQUIRE(answer);
    set(indices, RolloutState::graded);
  }

  void lease() {
    const auto indices = some(RolloutState::graded, 6);
    REQUIRE(ledger_->lease(run_.id, model_.last_step + 1, ids(indices)));
    set(indices, RolloutState::leased);
  }

  void release() {
    REQUIRE(ledger_->release(run_.id, model_.last_step + 1));
    for (auto& state : model_.states)
      if (state == RolloutState::leased) state = RolloutState::graded;
  }

  void commit() {
    REQUIRE(ledger_->commit_step(sample_step(run_, model_.last_step + 1)));
    ++model_.last_step;
    for (std::size_t i = 0; i < model_.states.size(); ++i) {
      if (model_.states[i] != RolloutState::leased) continue;
      REQUIRE(model_.consumer[i] == 0);
      model_.states[i] = RolloutState::consumed;
      model_.consumer[i] = model_.last_step;
    }
  }

  void discard() {
    const auto indices = some(RolloutState::graded, 2);
    REQUIRE(ledger_->discard(ids(indices), "test"));
    set(indices, RolloutState::discarded);
  }

  void roll_back() {
    const std::uint64_t to_step = below(model_.last_step + 1);
    REQUIRE(ledger_->roll_back(run_.id, to_step, staleness_max, "test"));
    for (std::size_t i = 0; i < model_.states.size(); ++i) {
      RolloutState& state = model_.states[i];
      const bool is_lost = state == RolloutState::consumed && model_.consumer[i] > to_step;
      const bool is_usable =
          model_.versions[i] <= to_step && model_.versions[i] + staleness_max >= to_step;
      const bool has_tokens = is_lost || state == RolloutState::leased ||
                              state == RolloutState::graded || state == RolloutState::finished;
      if (state == RolloutState::running) state = RolloutState::planned;
      if (has_tokens && !is_usable)
        state = run_.is_deterministic ? RolloutState::planned : RolloutState::discarded;
      else if (is_lost || state == RolloutState::leased)
        state = RolloutState::graded;
      if (is_lost) model_.consumer[i] = 0;
    }
    model_.last_step = to_step;
  }

  // A write fails: its answer is no promise, so the model takes what the ledger says afterwards.
  void fail_a_write() {
    disk_.set_faults({.failing_write = 1, .failing_write_lands = below(2) == 0});
    const auto indices = some(RolloutState::planned, 4);
    const bool has_started = ledger_->start(ids(indices)).has_value();
    REQUIRE(has_started == indices.empty());
    disk_.set_faults({});
    for (const std::uint64_t index : indices)
      model_.states[index] = ledger_->rollout(id(index)).value().state;
  }

  void crash() {
    // What is buffered may survive in part: metrics are, and must not take a synced write along.
    REQUIRE(MetricStore{disk_}.append(run_.id, {{"loss", model_.last_step, 0.5}}));
    disk_.crash(below(disk_.unsynced_count() + 1));
    reopen();
    compare();
    if (below(2) == 0) return;
    REQUIRE(ledger_->recover(run_.id));
    for (auto& state : model_.states) {
      if (state == RolloutState::running) state = RolloutState::planned;
      if (state == RolloutState::leased) state = RolloutState::graded;
    }
  }

  void compare() {
    REQUIRE(ledger_->planned_count(run_.id).value() == model_.states.size());
    REQUIRE(ledger_->last_step(run_.id).value() == model_.last_step);
    StateCounts counts{};
    for (std::size_t i = 0; i < model_.states.size(); ++i) {
      const auto rollout = ledger_->rollout(id(i));
      REQUIRE(rollout);
      CAPTURE(i);
      REQUIRE(rollout->state == model_.states[i]);
      if (rollout->state == RolloutState::consumed) REQUIRE(rollout->step == model_.consumer[i]);
      ++counts[static_cast<std::size_t>(rollout->state)];
    }
    REQUIRE(ledger_->counts(run_.id).value() == counts);
  }

  void check_disk() {
    const auto report = check_store(disk_, {});
    REQUIRE(report);
    for (const std::string& finding : report->findings) FAIL_CHECK(finding);
    REQUIRE(report->lost_count == 0);
    REQUIRE(report->twice_count == 0);
  }

  std::mt19937_64 random_;
  MemoryStore disk_;
  ManualClock clock_;
  RunRecord run_ = sample_run();
  std::unique_ptr<LedgerStore> ledger_;
  Model model_;
};

void run_history(std::uint64_t seed) {
  CAPTURE(seed);
  History{seed}.run(120);
}

}  // namespace

TEST_SUITE("storage/crash") {
  TEST_CASE("property: no rollout is lost, none consumed twice, what was answered is durable") {
    for (std::uint64_t seed = 0; seed < 40; ++seed) run_history(seed);
    const std::uint64_t fresh_seed = std::random_device{}();
    MESSAGE("fresh seed " << fresh_seed);
    run_history(fresh_seed);
  }
}

}  // namespace flywheel
