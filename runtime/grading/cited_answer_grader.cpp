#include "runtime/grading/cited_answer_grader.hpp"

#include <algorithm>

#include "runtime/tasks/cited_answers.hpp"

namespace flywheel {
namespace {

constexpr std::size_t cited_bytes_min = 20;  // fewer stand on every page

class CitedAnswerGrader final : public Grader {
 public:
  std::string_view name() const override { return "cited_answer/1"; }

  std::vector<ComponentInfo> components() const override {
    return {
        {"finished", ComponentKind::pass_condition, "the answer ended before the token limit"},
        {"cited", ComponentKind::pass_condition, "words of the asked page, cited"},
        {"used_tools", ComponentKind::information, "a tool call was made"},
    };
  }

 private:
  Verdict judge(const Task& task, const Transcript& transcript) const override {
    const auto request = parse_cited_request(task.parameters);
    if (!request) return infra_error_verdict(name(), request.error().message);
    if (transcript.turns.empty() || transcript.turns.back().role != Role::assistant)
      return infra_error_verdict(name(), "the conversation does not end with an answer");
    const Turn& turn = transcript.turns.back();
    if (turn.finish == FinishReason::cancelled)
      return infra_error_verdict(name(), "the answer was cancelled");
    const bool is_cited = std::ranges::any_of(turn.parts, [&](const Part& part) {
      return part.kind == PartKind::text && part.name == request->url &&
             part.text.size() >= cited_bytes_min;
    });
    const bool has_used_tools = std::ranges::any_of(
        transcript.turns, [](const Turn& each) { return each.role == Role::tool; });
    const auto score = [](bool is_right) { return is_right ? 1.0 : 0.0; };
    return verdict_of_turns(
        name(),
        {turn_verdict(static_cast<std::int32_t>(transcript.turns.size()) - 1,
                      {{"finished", score(turn.finish != FinishReason::length)},
                       {"cited", score(is_cited)},
                       {"used_tools", score(has_used_tools), ComponentKind::information}})},
        1);
  }
};

}  // namespace

const Grader& cited_answer_grader() {
  static const CitedAnswerGrader grader;
  return grader;
}

}  // namespace flywheel
