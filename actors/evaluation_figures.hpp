// The figures of an evaluation that tables, progress, gates and reports show, by name.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "actors/commands/table.hpp"
#include "actors/evaluation_file.hpp"

namespace flywheel {

// Pass rate of the first assistant turn on generated held-out tasks: the metric that gates read.
inline constexpr std::string_view first_turn_held_out = "held_out_first_turn";

// Shares with 95 % intervals: held_out_first_turn, held_out_later_turns, hand_written_first_turn,
// hand_written_later_turns, cut_by_length, and component_NAME or guard_NAME for every component of
// the held-out first turns.
std::map<std::string, Measured> evaluation_figures(const EvaluationFile& evaluation);

}  // namespace flywheel
