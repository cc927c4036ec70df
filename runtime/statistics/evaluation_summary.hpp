// EvaluationSummary is what an evaluation found: pass rates with intervals, first and later turns
// apart, each split apart, so that hand-written tasks never blur into generated ones.
//
//   (task, transcript, verdict) ─graded_turns()─▶ GradedTurn ... ─summarise_evaluation()─▶ summary
//
// An infra_error is counted and left out of every rate: it says nothing about the model.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/task.hpp"
#include "runtime/base/transcript.hpp"
#include "runtime/base/verdict.hpp"
#include "runtime/statistics/estimates.hpp"

namespace flywheel {

// One judged answer of one sample of a task; or, with is_infra_error, a sample that has no verdict.
struct GradedTurn {
  TaskId task{};
  std::string split{};
  std::uint32_t sample_index = 0;
  std::uint32_t turn_number = 0;  // 0 for the first answer of the conversation
  bool passed = false;
  bool is_cut = false;  // ended by the token limit
  bool is_infra_error = false;
  std::vector<Component> components{};
};

// The turns of one graded conversation. Of `planned_turn_count` turns those that it never reached
// have failed: else who loses its user after the first answer would be measured on fewer, easier
// tasks. A verdict of failure without turns (the grader's time ran out) has a failed first turn.
std::vector<GradedTurn> graded_turns(const Task& task, std::uint32_t sample_index,
                                     const Transcript& transcript, const Verdict& verdict,
                                     std::uint32_t planned_turn_count);

struct ComponentSummary {
  std::string name{};
  ComponentKind kind = ComponentKind::pass_condition;
  Estimate mean{};  // over the turns that have the component
};

struct PassAtK {
  std::uint64_t k = 1;
  Estimate any{};  // pass@k: at least one of k passes
  Estimate all{};  // pass^k: all k pass
};

// Some turns of one split. Later turns of one task, whatever their number, are one cluster.
struct TurnSummary {
  Estimate pass_rate{};
  Estimate cut_share{};
  std::vector<ComponentSummary> components{};  // in the order in which they first come
};

struct SplitSummary {
  std::string split{};
  TurnSummary first_turns{};
  // For k = 1, 2, 4, ... of first turns, over the tasks with k samples or more.
  std::vector<PassAtK> pass_at_k{};
  std::optional<TurnSummary> later_turns{};  // nothing where none was planned
};

struct EvaluationSummary {
  std::vector<SplitSummary> splits{};   // sorted by name; only those with a judged first turn
  std::uint64_t infra_error_count = 0;  // samples left out
};

// invalid_argument where the same turn of the same sample comes twice, or a value is outside [0,
// 1].
Result<EvaluationSummary> summarise_evaluation(std::span<const GradedTurn> turns);

// First-turn pass rate after minus before over the split's tasks that both evaluations judged.
// invalid_argument with fewer than two such tasks.
Result<Estimate> first_turn_difference(std::span<const GradedTurn> before,
                                       std::span<const GradedTurn> after, std::string_view split);

}  // namespace flywheel
