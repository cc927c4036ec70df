#include "runtime/statistics/evaluation_summary.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "runtime/statistics/pass_at_k.hpp"

namespace flywheel {
namespace {

// Values of one quantity, by task.
class ByTask {
 public:
  void add(const TaskId& task, double value) {
    Cluster& cluster = clusters_[task];
    cluster.sum += value;
    ++cluster.count;
  }

  const std::map<TaskId, Cluster>& clusters() const { return clusters_; }

  Result<Estimate> rate() const {
    std::vector<Cluster> list;
    list.reserve(clusters_.size());
    for (const auto& [task, cluster] : clusters_) list.push_back(cluster);
    return rate_over_clusters(list);
  }

 private:
  std::map<TaskId, Cluster> clusters_;
};

struct ComponentValues {
  std::string name;
  ComponentKind kind = ComponentKind::pass_condition;
  ByTask values;
};

struct TurnValues {
  ByTask passed;
  ByTask cut;
  std::vector<ComponentValues> components;

  void add(const GradedTurn& turn) {
    passed.add(turn.task, turn.passed ? 1.0 : 0.0);
    cut.add(turn.task, turn.is_cut ? 1.0 : 0.0);
    for (const Component& component : turn.components) {
      auto found = std::find_if(components.begin(), components.end(),
                                [&](const auto& one) { return one.name == component.name; });
      if (found == components.end())
        found = components.insert(found, {component.name, component.kind, {}});
      found->values.add(turn.task, component.value);
    }
  }

  Result<TurnSummary> summary() const {
    TurnSummary result;
    FLYWHEEL_TRY(result.pass_rate, passed.rate());
    FLYWHEEL_TRY(result.cut_share, cut.rate());
    for (const ComponentValues& component : components) {
      FLYWHEEL_TRY(const Estimate mean, component.values.rate());
      result.components.push_back({component.name, component.kind, mean});
    }
    return result;
  }
};

struct SplitValues {
  TurnValues first;
  TurnValues later;
};

Result<std::vector<PassAtK>> pass_at_powers(const ByTask& passed) {
  std::vector<PassAtK> all;
  for (std::uint64_t k = 1;; k *= 2) {
    std::vector<PassCount> tasks;
    for (const auto& [task, cluster] : passed.clusters())
      if (cluster.count >= k)
        tasks.push_back({cluster.count, static_cast<std::uint64_t>(cluster.sum)});
    if (tasks.empty()) return all;
    PassAtK row{k, {}, {}};
    FLYWHEEL_TRY(row.any, mean_pass_at_k(tasks, k));
    FLYWHEEL_TRY(row.all, mean_pass_all_k(tasks, k));
    all.push_back(row);
  }
}

Result<> check_values(const GradedTurn& turn) {
  for (const Component& component : turn.components)
    if (!(component.value >= 0.0 && component.value <= 1.0))
      return fail(Failure::invalid_argument,
                  fmt::format("component '{}' of {} is {}, not between 0 and 1", component.name,
                              to_string(turn.task), component.value));
  return {};
}

}  // namespace

std::vector<GradedTurn> graded_turns(const Task& task, std::uint32_t sample_index,
                                     const Transcript& transcript, const Verdict& verdict,
                                     std::uint32_t planned_turn_count) {
  GradedTurn blank;
  blank.task = task.id;
  blank.split = task.split;
  blank.sample_index = sample_index;
  if (verdict.status == VerdictStatus::infra_error) {
    blank.is_infra_error = true;
    return {blank};
  }
  const auto turn_count =
      std::max({verdict.turns.size(), std::size_t{planned_turn_count}, std::size_t{1}});
  std::vector<GradedTurn> turns(turn_count, blank);
  for (std::size_t i = 0; i < turn_count; ++i) {
    turns[i].turn_number = static_cast<std::uint32_t>(i);
    if (i >= verdict.turns.size()) continue;
    const TurnVerdict& judged = verdict.turns[i];
    turns[i].passed = judged.passed;
    const auto index = static_cast<std::size_t>(judged.turn);
    turns[i].is_cut = judged.turn >= 0 && index < transcript.turns.size() &&
                      transcript.turns[index].finish == FinishReason::length;
    turns[i].components = judged.components;
  }
  return turns;
}

Result<EvaluationSummary> summarise_evaluation(std::span<const GradedTurn> turns) {
  std::map<std::string, SplitValues> splits;
  std::set<std::tuple<std::string_view, TaskId, std::uint32_t, std::uint32_t>> seen;
  EvaluationSummary summary;
  for (const GradedTurn& turn : turns) {
    FLYWHEEL_TRY_VOID(check_values(turn));
    if (!seen.emplace(turn.split, turn.task, turn.sample_index, turn.turn_number).second)
      return fail(Failure::invalid_argument,
                  fmt::format("turn {} of sample {} of {} comes twice", turn.turn_number,
                              turn.sample_index, to_string(turn.task)));
    if (turn.is_infra_error) {
      ++summary.infra_error_count;
      continue;
    }
    SplitValues& split = splits[turn.split];
    (turn.turn_number == 0 ? split.first : split.later).add(turn);
  }
  for (const auto& [name, values] : splits) {
    if (values.first.passed.clusters().empty())
      return fail(Failure::invalid_argument, fmt::format("split '{}' has no first turns", name));
    SplitSummary split;
    split.split = name;
    FLYWHEEL_TRY(split.first_turns, values.first.summary());
    FLYWHEEL_TRY(split.pass_at_k, pass_at_powers(values.first.passed));
    if (!values.later.passed.clusters().empty()) {
      FLYWHEEL_TRY(split.later_turns, values.later.summary());
    }
    summary.splits.push_back(std::move(split));
  }
  return summary;
}

Result<Estimate> first_turn_difference(std::span<const GradedTurn> before,
                                       std::span<const GradedTurn> after, std::string_view split) {
  const auto collect = [&](std::span<const GradedTurn> turns) {
    ByTask passed;
    for (const GradedTurn& turn : turns)
      if (turn.split == split && turn.turn_number == 0 && !turn.is_infra_error)
        passed.add(turn.task, turn.passed ? 1.0 : 0.0);
    return passed;
  };
  const ByTask passed_before = collect(before);
  const ByTask passed_after = collect(after);
  std::vector<PairedCluster> pairs;
  for (const auto& [task, cluster] : passed_before.clusters()) {
    const auto found = passed_after.clusters().find(task);
    if (found != passed_after.clusters().end()) pairs.push_back({cluster, found->second});
  }
  return paired_difference(pairs);
}

}  // namespace flywheel
