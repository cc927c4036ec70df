// How a stored conversation reads to people: in the terminal, in reports.
#pragma once

#include <vector>

#include "actors/commands/table.hpp"
#include "runtime/base/json.hpp"

namespace flywheel {

// Of a conversation as rollout_to_json() writes it: a message a turn, and of a turn with tools one
// a part: "assistant calls python", "tool python", "picture plot_1.png".
std::vector<TranscriptMessage> messages_of(const Json& conversation);

}  // namespace flywheel
