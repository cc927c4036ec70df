#include "runtime/grading/code_grader.hpp"

#include <exception>
#include <utility>

namespace flywheel {
namespace {

constexpr std::string_view fence = "```";

}  // namespace

Verdict CodeGrader::grade_by_running(const Task& task, const Transcript& transcript,
                                     const JudgeCode& run) const noexcept {
  try {
    if (!run) return judge(task, transcript);
    return judge_by_running(task, transcript, run);
  } catch (const std::exception& error) {
    return infra_error_verdict(name(), error.what());
  } catch (...) {
    return infra_error_verdict(name(), "the grader threw something that is no exception");
  }
}

Verdict CodeGrader::judge(const Task&, const Transcript&) const {
  return infra_error_verdict(name(), "no sandbox is open, so the answer's code can't be run");
}

Result<CodeScore> score_by_running(const CodeJudgement& judgement, const JudgeCode& run) {
  FLYWHEEL_TRY(const CodeVerdict judged, run(judgement));
  if (judged.status == VerdictStatus::infra_error) return fail(Failure::unavailable, judged.reason);
  CodeScore score;
  score.status = judged.status;
  if (judged.golden_count > 0)
    score.correct = static_cast<double>(judged.golden_passed) / judged.golden_count;
  if (judged.status == VerdictStatus::pass) {
    if (judged.golden_count == 0) score.correct = 1.0;  // its tests alone decided
    return score;
  }
  if (judged.golden_passed == judged.golden_count)
    score.correct = judged.tests_passed == 0
                        ? 0.0
                        : static_cast<double>(judged.golden_passed + judged.tests_passed) /
                              (judged.golden_count + judged.test_count);
  score.note = judged.reason;
  return score;
}

Verdict with_score(Verdict verdict, CodeScore score) {
  if (verdict.status == VerdictStatus::fail && score.status == VerdictStatus::timeout)
    verdict.status = VerdictStatus::timeout;
  verdict.note = std::move(score.note);
  return verdict;
}

std::string code_in_answer(const std::string& answer) {
  const auto open = answer.find(fence);
  if (open == std::string::npos) return answer;
  const auto code = answer.find('\n', open);  // after the language's name
  if (code == std::string::npos) return {};
  const auto close = answer.find(fence, code);
  if (close == std::string::npos || answer.find(fence, close + fence.size()) != std::string::npos)
    return {};
  return answer.substr(code + 1, close - code - 1);
}

}  // namespace flywheel
