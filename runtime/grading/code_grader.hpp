// CodeGrader judges by running what the model wrote: in a sandbox, never in this process, and never
// on a thread that others wait for.
//
//   GraderActor ──own threads──▶ grade_by_running ──JudgeCode──▶ containers ──▶ CodeVerdict
//
// Guarantees: a verdict for every input. A solution that hangs, crashes or floods fails by its
//             bounds; a sandbox that breaks is infra_error, never a reward of 0.
// Threads:    immutable; any number of threads, each blocked while the code runs.
#pragma once

#include <functional>
#include <string>

#include "runtime/grading/grader.hpp"
#include "runtime/synthesis/code_judge.hpp"

namespace flywheel {

// judge_code() with the sandbox that the run has.
using JudgeCode = std::function<Result<CodeVerdict>(const CodeJudgement&)>;

class CodeGrader : public Grader {
 public:
  const CodeGrader* code_grader() const final { return this; }

  Verdict grade_by_running(const Task& task, const Transcript& transcript,
                           const JudgeCode& run) const noexcept;

 private:
  // Without a sandbox there is no verdict.
  Verdict judge(const Task& task, const Transcript& transcript) const final;

  // May throw; grade_by_running() turns that into an infra_error.
  virtual Verdict judge_by_running(const Task& task, const Transcript& transcript,
                                   const JudgeCode& run) const = 0;
};

// What running a solution says: the share of golden pairs and tests that it gets right, and why not
// all. Tests are run, and counted, only where all pairs are right.
struct CodeScore {
  double correct = 0.0;
  std::string note{};
  VerdictStatus status = VerdictStatus::fail;  // pass, fail or timeout
};
// All pairs right counts only where the judge says "pass" too: it may have found a cheat. An error
// where the sandbox broke.
Result<CodeScore> score_by_running(const CodeJudgement& judgement, const JudgeCode& run);

// The verdict with the score's note; a failure that ran out of time is a timeout, with the same
// reward.
Verdict with_score(Verdict verdict, CodeScore score);

// The Python that an answer gives: the one fenced block that it has, or the whole answer where it
// has no fence. Empty where there are several blocks or a fence that is not closed.
std::string code_in_answer(const std::string& answer);

}  // namespace flywheel
