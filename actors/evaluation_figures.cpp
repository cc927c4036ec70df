#include "actors/evaluation_figures.hpp"

#include <iterator>
#include <vector>

#include <fmt/format.h>

#include "runtime/base/log.hpp"
#include "runtime/statistics/evaluation_summary.hpp"
#include "runtime/tasks/task_registry.hpp"

namespace flywheel {
namespace {

using Figures = std::map<std::string, Measured>;

Measured measured(const Estimate& estimate) {
  return {estimate.value, estimate.interval.low, estimate.interval.high, estimate.sample_count};
}

// What the task's family planned; 0 where nobody knows the family any more.
std::uint32_t planned_turn_count(const Task& task) {
  const auto family = find_task_family(task.family);
  if (!family) return 0;
  const auto planned = (*family)->planned_turn_count(task);
  return planned ? *planned : 0;
}

std::vector<GradedTurn> graded_turns_of(const EvaluationFile& evaluation) {
  std::vector<GradedTurn> turns;
  turns.reserve(evaluation.rollouts.size());
  for (const Rollout& rollout : evaluation.rollouts) {
    auto judged = graded_turns(rollout.task, rollout.sample_index, rollout.transcript,
                               rollout.verdict, planned_turn_count(rollout.task));
    std::move(judged.begin(), judged.end(), std::back_inserter(turns));
  }
  return turns;
}

void add_pass_rates(const SplitSummary& split, Figures& figures) {
  figures[split.split + "_first_turn"] = measured(split.first_turns.pass_rate);
  if (split.later_turns)
    figures[split.split + "_later_turns"] = measured(split.later_turns->pass_rate);
  for (const PassAtK& row : split.pass_at_k) {
    if (row.k == 1) continue;  // the first turn's pass rate, task by task
    figures[fmt::format("{}_pass_at_{}", split.split, row.k)] = measured(row.any);
    figures[fmt::format("{}_pass_all_{}", split.split, row.k)] = measured(row.all);
  }
}

void add_components(const TurnSummary& turns, Figures& figures) {
  figures["cut_by_length"] = measured(turns.cut_share);
  for (const ComponentSummary& component : turns.components)
    figures[(component.kind == ComponentKind::guard ? "guard_" : "component_") + component.name] =
        measured(component.mean);
}

}  // namespace

Figures evaluation_figures(const EvaluationFile& evaluation) {
  const auto summary = summarise_evaluation(graded_turns_of(evaluation));
  if (!summary) {
    log_warning("evaluation '{}' has no figures: {}", evaluation.name, to_string(summary.error()));
    return {};
  }
  Figures figures;
  for (const SplitSummary& split : summary->splits) {
    add_pass_rates(split, figures);
    if (split.split == split_held_out) add_components(split.first_turns, figures);
  }
  return figures;
}

std::optional<Estimate> held_out_gain(const EvaluationFile& before, const EvaluationFile& after) {
  const auto gain =
      first_turn_difference(graded_turns_of(before), graded_turns_of(after), split_held_out);
  return gain ? std::optional{*gain} : std::nullopt;
}

}  // namespace flywheel
