// Builds conversations for grader tests in one line.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "runtime/base/task.hpp"
#include "runtime/base/transcript.hpp"
#include "runtime/base/verdict.hpp"

namespace flywheel::testing {

inline void say(Transcript& talk, Role role, std::string text,
                FinishReason finish = FinishReason::none) {
  Turn turn;
  turn.parent = static_cast<std::int32_t>(talk.turns.size()) - 1;
  turn.role = role;
  turn.finish = finish;
  turn.parts.push_back({PartKind::text, std::move(text)});
  talk.turns.push_back(std::move(turn));
}

// User and assistant in turns, each answer ended by itself.
inline Transcript talk_of(const std::vector<std::string>& texts) {
  Transcript talk;
  for (std::size_t i = 0; i < texts.size(); ++i)
    say(talk, i % 2 == 0 ? Role::user : Role::assistant, texts[i],
        i % 2 == 0 ? FinishReason::none : FinishReason::stop);
  return talk;
}

// The component's value; -1 where it is absent.
inline double component(const TurnVerdict& turn, std::string_view name) {
  for (const Component& one : turn.components)
    if (one.name == name) return one.value;
  return -1.0;
}

}  // namespace flywheel::testing
