// Grader judges one conversation by rules: named components, and a pass that is the conjunction of
// those marked as pass conditions.
//
// Guarantees: a verdict for every input: it never throws, and its work is bounded by the limits on
//             bytes, lines and matching steps; what exceeds them fails. Where the grader itself
//             can't judge (a task that is not its own, a cancelled answer) the verdict is
//             infra_error with a note, never a reward of 0.
// Threads:    graders are immutable; any thread may call them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/base/task.hpp"
#include "runtime/base/transcript.hpp"
#include "runtime/base/verdict.hpp"

namespace flywheel {

inline constexpr std::size_t graded_bytes_max = 16 * 1024;  // of one answer; a longer one fails
inline constexpr std::size_t graded_lines_max = 200;

class CodeGrader;

struct ComponentInfo {
  std::string_view name{};
  ComponentKind kind = ComponentKind::pass_condition;
  std::string_view meaning{};  // one line for reports
};

class Grader {
 public:
  virtual ~Grader() = default;

  // Name and version, for example "structured_list/2": the version changes when a verdict could.
  virtual std::string_view name() const = 0;

  // What its turns' components may be, in the order in which they come.
  virtual std::vector<ComponentInfo> components() const = 0;

  // This grader where it has to run code to judge, else null: the GraderActor then gives it a
  // thread of its own and a sandbox.
  virtual const CodeGrader* code_grader() const { return nullptr; }

  // Judges the path from the root to the transcript's last turn. The reward is the sum of the
  // turns' rewards over the turns that were planned, so leaving early never pays.
  Verdict grade(const Task& task, const Transcript& transcript) const noexcept;

 private:
  // May throw; grade() turns that into an infra_error.
  virtual Verdict judge(const Task& task, const Transcript& transcript) const = 0;
};

// The answer that the conversation ends with, for graders that judge only that. An error, which
// makes the verdict infra_error, where there is none or it was cancelled.
struct FinalAnswer {
  const Turn* turn = nullptr;
  std::int32_t index = 0;
};
Result<FinalAnswer> final_answer(const Transcript& transcript);

// 1 or 0, as a component's value.
constexpr double score(bool is_right) {
  return is_right ? 1.0 : 0.0;
}

// Whether any turn holds the result of a tool call: the component "used_tools".
Component used_tools(const Transcript& transcript);

// The verdict of a grader that could not judge.
Verdict infra_error_verdict(std::string_view grader, std::string note);

// The verdict of turns judged one by one: pass if all `planned_count` turns are there and pass.
Verdict verdict_of_turns(std::string_view grader, std::vector<TurnVerdict> turns,
                         std::size_t planned_count);

// What a turn that fails may earn at most.
inline constexpr double partial_credit_max = 0.5;

// The turn's pass (all pass conditions are 1) and its reward: 1 for a pass, else partial_credit_max
// times the mean of the pass conditions. A model that passes one answer in fifty would else give a
// learner nothing to prefer in most groups; the gap between 0.5 and 1 keeps the pass what pays.
TurnVerdict turn_verdict(std::int32_t turn, std::vector<Component> components);

}  // namespace flywheel
