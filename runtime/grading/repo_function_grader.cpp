#include "runtime/grading/repo_function_grader.hpp"

#include <filesystem>
#include <utility>

#include "runtime/base/file.hpp"
#include "runtime/grading/function_body.hpp"
#include "runtime/synthesis/hidden_files.hpp"
#include "runtime/synthesis/repo_functions.hpp"
#include "runtime/tasks/repo_functions.hpp"

namespace flywheel {
namespace {

class RepoFunctionGrader final : public CodeGrader {
 public:
  std::string_view name() const override { return "repo_function/2"; }

  std::vector<ComponentInfo> components() const override {
    return {
        {"has_function", ComponentKind::pass_condition, "one block of code with the function"},
        {"correct", ComponentKind::pass_condition,
         "share of golden pairs and tests that it gets right"},
        {"used_tools", ComponentKind::information, "a tool call was made"},
    };
  }

 private:
  Verdict judge_by_running(const Task& task, const Transcript& transcript,
                           const JudgeCode& run) const override {
    const auto request = parse_repo_function_task(task.parameters);
    if (!request) return infra_error_verdict(name(), request.error().message);
    const auto answered = final_answer(transcript);
    if (!answered) return infra_error_verdict(name(), answered.error().message);
    const std::string qualified = request->instance.at("target").at("qualname");
    const std::string answer = text_of(*answered->turn);
    const std::string body =
        answer.size() > graded_bytes_max
            ? ""
            : function_body_in(code_in_answer(answer), qualified.substr(qualified.rfind('.') + 1));
    CodeScore result;
    if (!body.empty()) {
      const auto judgement = judgement_of(*request, body);
      if (!judgement) return infra_error_verdict(name(), judgement.error().message);
      auto judged = score_by_running(*judgement, run);
      if (!judged) return infra_error_verdict(name(), judged.error().message);
      result = std::move(*judged);
    }
    Verdict verdict =
        verdict_of_turns(name(),
                         {turn_verdict(answered->index, {{"has_function", score(!body.empty())},
                                                         {"correct", result.correct},
                                                         used_tools(transcript)})},
                         1);
    return with_score(std::move(verdict), std::move(result));
  }

  static Result<CodeJudgement> judgement_of(const RepoFunctionTask& task, const std::string& body) {
    const Json& target = task.instance.at("target");
    const std::string path = target.at("path");
    FLYWHEEL_TRY(const auto file, read_file(std::filesystem::path{task.tree} / path));
    CodeJudgement judgement = judgement_of_target(target, task.tree);
    judgement.solution = {{path, with_body(file, target, body)}};
    judgement.hidden = masked_files(task.tree, target);
    for (const Json& pair : task.instance.at("golden_io"))
      judgement.golden.push_back({pair.at("input"), pair.at("outcome")});
    if (task.site.empty()) return judgement;
    judgement.site = task.site;
    judgement.tests = task.tests;
    return judgement;
  }
};

}  // namespace

const Grader& repo_function_grader() {
  static const RepoFunctionGrader grader;
  return grader;
}

}  // namespace flywheel
