#include "actors/evaluation_figures.hpp"

#include <vector>

#include "runtime/base/log.hpp"
#include "runtime/statistics/estimates.hpp"
#include "runtime/tasks/task_family.hpp"

namespace flywheel {
namespace {

// Sums by task: samples of one task resemble each other, so tasks are the unit of chance.
class Share {
 public:
  void add(std::uint64_t task, double value) {
    Cluster& cluster = clusters_[task];
    cluster.sum += value;
    ++cluster.count;
  }

  Measured measured() const {
    std::vector<Cluster> clusters;
    for (const auto& [task, cluster] : clusters_) clusters.push_back(cluster);
    const auto estimate = rate_over_clusters(clusters);
    if (!estimate) {
      log_warning("an evaluation's figure: {}", to_string(estimate.error()));
      return {};
    }
    return {estimate->value, estimate->interval.low, estimate->interval.high,
            estimate->sample_count};
  }

 private:
  std::map<std::uint64_t, Cluster> clusters_;
};

bool was_cut(const Rollout& rollout, std::int32_t turn) {
  const auto index = static_cast<std::size_t>(turn);
  return index < rollout.transcript.turns.size() &&
         rollout.transcript.turns[index].finish == FinishReason::length;
}

}  // namespace

std::map<std::string, Measured> evaluation_figures(const EvaluationFile& evaluation) {
  std::map<std::string, Share> shares;
  for (const Rollout& rollout : evaluation.rollouts) {
    if (rollout.verdict.status == VerdictStatus::infra_error) continue;
    const auto& turns = rollout.verdict.turns;
    const bool is_held_out = rollout.task.split == split_held_out;
    const std::string split = is_held_out ? "held_out" : "hand_written";
    for (std::size_t i = 0; i < turns.size(); ++i) {
      const auto task = rollout.group_index;
      shares[split + (i == 0 ? "_first_turn" : "_later_turns")].add(task,
                                                                    turns[i].passed ? 1.0 : 0.0);
      if (i > 0 || !is_held_out) continue;
      shares["cut_by_length"].add(task, was_cut(rollout, turns[i].turn) ? 1.0 : 0.0);
      for (const Component& component : turns[i].components)
        shares[(component.kind == ComponentKind::guard ? "guard_" : "component_") + component.name]
            .add(task, component.value);
    }
  }
  std::map<std::string, Measured> figures;
  for (const auto& [name, share] : shares) figures[name] = share.measured();
  return figures;
}

}  // namespace flywheel
