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

Result<FinalAnswer> final_answer(const Transcript& transcript) {
  if (transcript.turns.empty() || transcript.turns.back().role != Role::assistant)
    return fail(Failure::invalid_input, "the conversation does not end with an answer");
  const Turn& turn = transcript.turns.back();
  if (turn.finish == FinishReason::cancelled)
    return fail(Failure::cancelled, "the answer was cancelled");
  return FinalAnswer{&turn, static_cast<std::int32_t>(transcript.turns.size()) - 1};
}

Component used_tools(const Transcript& transcript) {
  const bool has_result = std::ranges::any_of(
      transcript.turns, [](const Turn& turn) { return turn.role == Role::tool; });
  return {"used_tools", score(has_result), ComponentKind::information};
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
