#include "runtime/grading/one_line_function_grader.hpp"

#include <utility>

#include "runtime/grading/pattern.hpp"
#include "runtime/tasks/one_line_functions.hpp"

namespace flywheel {
namespace {

constexpr std::chrono::milliseconds run_time_max{5'000};

class OneLineFunctionGrader final : public CodeGrader {
 public:
  std::string_view name() const override { return "one_line_function/2"; }

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
    const auto answered = final_answer(transcript);
    if (!answered) return infra_error_verdict(name(), answered.error().message);

    static const Pattern defines_f{R"((?m)^(def[ ]+f[ ]*\(|f[ ]*=))"};
    const std::string answer = text_of(*answered->turn);
    const std::string code = answer.size() <= graded_bytes_max ? code_in_answer(answer) : "";
    const bool has_function = defines_f.found_in(code);
    CodeScore result;
    if (has_function) {
      auto judged = score_by_running(judgement_of(request->function, code), run);
      if (!judged) return infra_error_verdict(name(), judged.error().message);
      result = std::move(*judged);
    }
    Verdict verdict = verdict_of_turns(
        name(),
        {turn_verdict(answered->index,
                      {{"has_function", score(has_function)}, {"correct", result.correct}})},
        1);
    return with_score(std::move(verdict), std::move(result));
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
