#include "runtime/grading/one_line_function_grader.hpp"

#include "runtime/grading/pattern.hpp"
#include "runtime/tasks/one_line_functions.hpp"

namespace flywheel {
namespace {

constexpr std::chrono::milliseconds run_time_max{5'000};

class OneLineFunctionGrader final : public CodeGrader {
 public:
  std::string_view name() const override { return "one_line_function/1"; }

  std::vector<ComponentInfo> components() const override {
    return {
        {"has_function", ComponentKind::pass_condition, "one block of code that defines f"},
        {"correct", ComponentKind::pass_condition, "share of golden pairs that it gets right"},
    };
  }

 private:
  Verdict judge_by_running(const Task& task, const Transcript& transcript,
                           const JudgeCode& run) const override {
    const auto request = parse_one_line_request(task.parameters);
    if (!request) return infra_error_verdict(name(), request.error().message);
    if (transcript.turns.empty() || transcript.turns.back().role != Role::assistant)
      return infra_error_verdict(name(), "the conversation does not end with an answer");
    const Turn& turn = transcript.turns.back();
    if (turn.finish == FinishReason::cancelled)
      return infra_error_verdict(name(), "the answer was cancelled");

    static const Pattern defines_f{R"((?m)^(def[ ]+f[ ]*\(|f[ ]*=))"};
    const std::string answer = text_of(turn);
    const std::string code = answer.size() <= graded_bytes_max ? code_in_answer(answer) : "";
    const bool has_function = defines_f.found_in(code);
    double correct = 0.0;
    std::string note;
    if (has_function) {
      const auto judged = run(judgement_of(request->function, code));
      if (!judged) return infra_error_verdict(name(), judged.error().message);
      if (judged->status == VerdictStatus::infra_error)
        return infra_error_verdict(name(), judged->reason);
      if (judged->golden_count > 0)
        correct = static_cast<double>(judged->golden_passed) / judged->golden_count;
      // All pairs right is a pass only if the judge says so: it may have found a cheat.
      if (judged->status != VerdictStatus::pass) {
        if (judged->golden_passed == judged->golden_count) correct = 0.0;
        note = judged->reason;
      }
    }
    const auto index = static_cast<std::int32_t>(transcript.turns.size()) - 1;
    Verdict verdict = verdict_of_turns(
        name(),
        {turn_verdict(index, {{"has_function", has_function ? 1.0 : 0.0}, {"correct", correct}})},
        1);
    verdict.note = std::move(note);
    return verdict;
  }

  static CodeJudgement judgement_of(const OneLineFunction& function, const std::string& code) {
    CodeJudgement judgement;
    judgement.module = "solution";
    judgement.entry = "f";
    judgement.solution = {{"solution.py", code}};
    for (const OneLinePair& pair : function.pairs)
      judgement.golden.push_back(golden_pair(pair.arguments, pair.result));
    judgement.time_max = run_time_max;
    return judgement;
  }
};

}  // namespace

const Grader& one_line_function_grader() {
  static const OneLineFunctionGrader grader;
  return grader;
}

}  // namespace flywheel
