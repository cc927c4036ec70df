#include "runtime/synthesis/pipeline.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "runtime/base/check.hpp"
#include "runtime/base/hash.hpp"

namespace flywheel {
namespace {

using Clock = std::chrono::steady_clock;

struct QueuedItem {
  PipelineItem item{};
  std::uint32_t attempts = 0;
};

Json to_json(const StageOutcome& outcome) {
  Json passed = Json::array();
  for (const PipelineItem& each : outcome.passed)
    passed.push_back({each.id, each.group, each.data});
  Json rejected = Json::array();
  for (const Rejection& each : outcome.rejected)
    rejected.push_back({each.id, each.reason, each.detail});
  return {{"passed", std::move(passed)}, {"rejected", std::move(rejected)}};
}

Result<StageOutcome> outcome_from_json(const std::string& text) {
  FLYWHEEL_TRY(Json json, parse_json(text, "pipeline journal"));
  StageOutcome outcome;
  try {
    for (Json& each : json.at("passed"))
      outcome.passed.push_back({each.at(0), each.at(1), std::move(each.at(2))});
    for (const Json& each : json.at("rejected"))
      outcome.rejected.push_back({each.at(0), each.at(1), each.at(2)});
  } catch (const Json::exception& error) {
    return fail(Failure::corrupt, std::string{"pipeline journal: "} + error.what());
  }
  return outcome;
}

std::string journal_key(const Stage& stage, const PipelineItem& item) {
  return fmt::format("{}/{}/{}/{}/{}", stage.name, stage.version,
                     to_string(hash_text(stage.settings)), item.id,
                     to_string(hash_text(dump_json(item.data))));
}

// Stages read what packages of strangers made: what one throws costs its batch, not the program.
Result<std::vector<StageOutcome>> run_stage(const Stage& stage,
                                            std::span<const PipelineItem> items) {
  const auto broken = [&](const std::string& what) {
    const auto others =
        items.size() == 1 ? std::string{} : fmt::format(" and {} others", items.size() - 1);
    return fail(Failure::internal,
                fmt::format("threw at {}{}: {}", items.front().id, others, what));
  };
  try {
    return stage.run(items);
  } catch (const std::exception& error) {
    return broken(error.what());
  } catch (...) {
    return broken("no exception");
  }
}

class Run {
 public:
  Run(std::span<const Stage> stages, Journal& journal, const PipelineConfig& config)
      : stages_(stages), journal_(journal), config_(config), queues_(stages.size() + 1) {
    for (const Stage& stage : stages) result_.funnel.push_back({stage.name, stage.unit});
    rejections_.resize(stages.size());
  }

  void enqueue(std::size_t stage, std::vector<PipelineItem> items) {
    for (PipelineItem& each : items) queues_[stage].push_back({std::move(each)});
    if (stage < stages_.size() && queues_[stage].size() > config_.queue_max)
      end_with({Failure::resource_exhausted,
                fmt::format("pipeline: more than {} items wait for stage {}", config_.queue_max,
                            stages_[stage].name)});
  }

  void work() {
    std::unique_lock lock{mutex_};
    while (true) {
      if (error_ || is_stopping()) break;
      const auto stage = latest_with_work();
      if (!stage) {
        if (busy_count_ == 0) break;
        changed_.wait_for(lock, std::chrono::milliseconds{200});
        continue;
      }
      std::vector<QueuedItem> batch = take(*stage);
      ++busy_count_;
      lock.unlock();
      process(*stage, std::move(batch));
      lock.lock();
      --busy_count_;
      report();
      changed_.notify_all();
    }
    changed_.notify_all();
  }

  Result<PipelineResult> finish() {
    if (error_) return fail(*error_);
    for (const auto& queue : std::span{queues_}.first(stages_.size()))
      result_.is_interrupted = result_.is_interrupted || !queue.empty();
    for (QueuedItem& each : queues_.back()) result_.items.push_back(std::move(each.item));
    std::sort(result_.items.begin(), result_.items.end(),
              [](const PipelineItem& a, const PipelineItem& b) { return a.id < b.id; });
    for (auto& of_stage : rejections_) {
      std::sort(of_stage.begin(), of_stage.end(),
                [](const Rejection& a, const Rejection& b) { return a.id < b.id; });
      std::move(of_stage.begin(), of_stage.end(), std::back_inserter(result_.rejections));
    }
    return std::move(result_);
  }

 private:
  bool is_stopping() const { return config_.is_stopping && config_.is_stopping->load(); }

  std::optional<std::size_t> latest_with_work() const {
    for (std::size_t stage = stages_.size(); stage-- > 0;)
      if (!queues_[stage].empty()) return stage;
    return std::nullopt;
  }

  std::vector<QueuedItem> take(std::size_t stage) {
    std::deque<QueuedItem>& queue = queues_[stage];
    std::vector<QueuedItem> batch;
    const std::string group = queue.front().item.group;
    while (!queue.empty() && batch.size() < stages_[stage].batch_max &&
           queue.front().item.group == group) {
      batch.push_back(std::move(queue.front()));
      queue.pop_front();
    }
    return batch;
  }

  // Without the lock. What the journal knows is passed on, the rest is worked out and written down.
  void process(std::size_t number, std::vector<QueuedItem> batch) {
    const Stage& stage = stages_[number];
    std::vector<QueuedItem> fresh;
    std::vector<PipelineItem> items;
    for (QueuedItem& each : batch) {
      auto known = recall(stage, each.item);
      if (!known) return stop_for(std::move(known.error()));
      if (*known) {
        deliver(number, std::move(**known), true);
      } else {
        items.push_back(each.item);
        fresh.push_back(std::move(each));
      }
    }
    if (items.empty()) return;
    const auto start = Clock::now();
    auto outcomes = run_stage(stage, items);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (outcomes) {
      FLYWHEEL_CHECK(outcomes->size() == items.size());
      std::vector<JournalEntry> entries;
      entries.reserve(items.size());
      for (std::size_t n = 0; n < items.size(); ++n)
        entries.push_back({journal_key(stage, items[n]), dump_json(to_json((*outcomes)[n]))});
      if (auto written = journal_.append(entries); !written)
        return stop_for(std::move(written.error()));
      for (StageOutcome& each : *outcomes) deliver(number, std::move(each), false);
    } else {
      give_back(number, std::move(fresh), outcomes.error());
    }
    const std::lock_guard lock{mutex_};
    result_.funnel[number].seconds += seconds;
  }

  Result<std::optional<StageOutcome>> recall(const Stage& stage, const PipelineItem& item) {
    FLYWHEEL_TRY(const auto text, journal_.find(journal_key(stage, item)));
    if (!text) return std::optional<StageOutcome>{};
    FLYWHEEL_TRY(auto outcome, outcome_from_json(*text));
    return std::optional{std::move(outcome)};
  }

  void deliver(std::size_t number, StageOutcome outcome, bool is_remembered) {
    const std::lock_guard lock{mutex_};
    FunnelRow& row = result_.funnel[number];
    ++row.taken;
    row.remembered += is_remembered ? 1 : 0;
    row.passed += outcome.passed.size();
    row.rejected += outcome.rejected.size();
    for (Rejection& each : outcome.rejected) {
      ++row.reasons[each.reason];
      rejections_[number].push_back(std::move(each));
    }
    enqueue(number + 1, std::move(outcome.passed));
  }

  void give_back(std::size_t number, std::vector<QueuedItem> batch, const Error& error) {
    const std::lock_guard lock{mutex_};
    if (result_.first_error.empty())
      result_.first_error = stages_[number].name + ": " + error.message;
    for (QueuedItem& each : batch) {
      if (++each.attempts < config_.attempts_max) {
        queues_[number].push_back(std::move(each));
      } else {
        ++result_.funnel[number].taken;
        ++result_.funnel[number].broken;
      }
    }
  }

  void stop_for(Error error) {
    const std::lock_guard lock{mutex_};
    end_with(std::move(error));
  }
  void end_with(Error error) {
    if (!error_) error_ = std::move(error);
  }

  void report() {
    if (!config_.on_progress) return;
    PipelineProgress progress;
    progress.funnel = result_.funnel;
    for (std::size_t n = 0; n < stages_.size(); ++n) progress.funnel[n].waiting = queues_[n].size();
    progress.elapsed_seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    config_.on_progress(progress);
  }

  std::span<const Stage> stages_;
  Journal& journal_;
  const PipelineConfig& config_;
  Clock::time_point start_ = Clock::now();

  std::mutex mutex_;  // guards all that follows
  std::condition_variable changed_;
  std::vector<std::deque<QueuedItem>> queues_;  // one a stage, and the finished items
  std::vector<std::vector<Rejection>> rejections_;
  PipelineResult result_;
  std::optional<Error> error_;
  std::size_t busy_count_ = 0;
};

}  // namespace

Result<PipelineResult> run_pipeline(std::vector<PipelineItem> items, std::span<const Stage> stages,
                                    Journal& journal, const PipelineConfig& config) {
  if (stages.empty() || config.worker_count == 0)
    return fail(Failure::invalid_argument, "pipeline: it needs a stage and a worker");
  Run run{stages, journal, config};
  run.enqueue(0, std::move(items));
  std::vector<std::thread> workers;
  workers.reserve(config.worker_count);
  for (std::size_t n = 0; n < config.worker_count; ++n)
    workers.emplace_back([&run] { run.work(); });
  for (std::thread& each : workers) each.join();
  return run.finish();
}

}  // namespace flywheel
