// The figures of an evaluation that tables, progress, gates and reports show, by name.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "actors/commands/table.hpp"
#include "actors/evaluation_file.hpp"
#include "runtime/statistics/estimates.hpp"

namespace flywheel {

// Pass rate of the first assistant turn on generated held-out tasks: the metric that gates read.
inline constexpr std::string_view first_turn_held_out = "held_out_first_turn";

// Shares with 95 % intervals. Of each split (held_out, hand_written):
//   SPLIT_first_turn   first turns that pass
//   SPLIT_later_turns  later turns that pass, of all that were planned: one that the conversation
//                      never reached has failed
//   SPLIT_pass_at_K    chance that at least one of K first turns passes, for K = 2, 4, ... up to
//                      the samples of a task (runtime/statistics/pass_at_k.hpp)
//   SPLIT_pass_all_K   chance that all K do
// and of the held-out first turns: cut_by_length, and component_NAME or guard_NAME for every
// component.
std::map<std::string, Measured> evaluation_figures(const EvaluationFile& evaluation);

// By how much the held-out first-turn pass rate grew, over the tasks that both judged; nothing with
// fewer than two.
std::optional<Estimate> held_out_gain(const EvaluationFile& before, const EvaluationFile& after);

}  // namespace flywheel
