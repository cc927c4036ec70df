#include "runtime/grading/grader.hpp"

#include <algorithm>
#include <exception>

namespace flywheel {

Verdict Grader::grade(const Task& task, const Transcript& transcript) const noexcept {
  try {
    return judge(task, transcript);
  } catch (const std::exception& error) {
    return infra_error_verdict(name(), error.what());
  } catch (...) {
    return infra_error_verdict(name(), "the grader threw something that is no exception");
  }
}

Verdict infra_error_verdict(std::string_view grader, std::string note) {
  Verdict verdict;
  verdict.status = VerdictStatus::infra_error;
  verdict.grader = grader;
  verdict.note = std::move(note);
  return verdict;
}

Verdict verdict_of_turns(std::string_view grader, std::vector<TurnVerdict> turns,
                         std::size_t planned_count) {
  Verdict verdict;
  verdict.grader = grader;
  const auto passed = [](const TurnVerdict& turn) { return turn.passed; };
  const bool is_whole = turns.size() >= planned_count;
  verdict.status = is_whole && std::all_of(turns.begin(), turns.end(), passed)
                       ? VerdictStatus::pass
                       : VerdictStatus::fail;
  double reward_sum = 0.0;
  for (const TurnVerdict& turn : turns) reward_sum += turn.reward;
  verdict.reward = reward_sum / static_cast<double>(std::max({planned_count, turns.size(), 1ul}));
  verdict.turns = std::move(turns);
  return verdict;
}

TurnVerdict turn_verdict(std::int32_t turn, std::vector<Component> components) {
  TurnVerdict verdict;
  verdict.turn = turn;
  verdict.passed = true;
  double met_sum = 0.0;
  double condition_count = 0.0;
  for (const Component& component : components) {
    if (component.kind != ComponentKind::pass_condition) continue;
    verdict.passed = verdict.passed && component.value == 1.0;
    met_sum += component.value;
    condition_count += 1.0;
  }
  verdict.passed = verdict.passed && condition_count > 0.0;
  verdict.reward = verdict.passed          ? 1.0
                   : condition_count > 0.0 ? partial_credit_max * met_sum / condition_count
                                           : 0.0;
  verdict.components = std::move(components);
  return verdict;
}

}  // namespace flywheel
